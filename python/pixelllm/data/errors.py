"""What is wrong with the files of a dataset."""


class DatasetError(ValueError):
    """A dataset cannot be read as its format says.

    The message is for the person who has the files: it names the file and the place in it, and says
    what to do.
    """
