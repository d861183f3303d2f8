"""How each task is measured: what is asked, what is kept of the answer, what that is worth."""
