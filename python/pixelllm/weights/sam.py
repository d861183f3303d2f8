"""Segment Anything: image encoder, prompt encoder and mask decoder.

Our names are those of its own state dict but for `image_encoder`. Its position tables stay as they
are published, at the grid of 1024 pixels: the model resizes them to its frame when it runs, as the
authors' code does.
"""

from __future__ import annotations

from pixelllm.weights.layout import Layout, Part, Rule, same

UNUSED_MASKS = "encodes masks as prompts, which PixelLLM never gives"
UNUSED_DECODER = "decodes masks, which only a model that segments does (--segments)"
NORMALISATION = "mean and deviation of pixels, which are constants here"

ORIGINAL = Layout(
    name="Segment Anything",
    sign="image_encoder.{x}",
    rules=(
        Rule("image_encoder.{x}", "sam.{x}"),
        same("prompt_encoder.{x}"),
        same("mask_decoder.{x}"),
    ),
    ignored=(
        ("prompt_encoder.mask_downscaling.{x}", UNUSED_MASKS),
        ("mask_decoder.{x}", UNUSED_DECODER),
        ("pixel_mean", NORMALISATION),
        ("pixel_std", NORMALISATION),
    ),
)

BLOCK, OUR_BLOCK = "vision_encoder.layers.{i}", "sam.blocks.{i}"
PROMPT, DOWNSCALING = "prompt_encoder", "prompt_encoder.mask_downscaling"
TWO_WAY = "mask_decoder.transformer"
LAYER = TWO_WAY + ".layers.{i}"
UPSCALING = "mask_decoder.output_upscaling"
HYPER = "mask_decoder.output_hypernetworks_mlps.{i}"
OVERLAP = "mask_decoder.iou_prediction_head"

TRANSFORMERS = Layout(
    name="transformers",
    sign="vision_encoder.{x}",
    rules=(
        Rule("vision_encoder.pos_embed", "sam.pos_embed"),
        Rule("vision_encoder.patch_embed.projection.{x}", "sam.patch_embed.proj.{x}"),
        Rule(BLOCK + ".layer_norm1.{x}", OUR_BLOCK + ".norm1.{x}"),
        Rule(BLOCK + ".attn.{x}", OUR_BLOCK + ".attn.{x}"),
        Rule(BLOCK + ".layer_norm2.{x}", OUR_BLOCK + ".norm2.{x}"),
        Rule(BLOCK + ".mlp.{x}", OUR_BLOCK + ".mlp.{x}"),
        Rule("vision_encoder.neck.conv1.{x}", "sam.neck.0.{x}"),
        Rule("vision_encoder.neck.layer_norm1.{x}", "sam.neck.1.{x}"),
        Rule("vision_encoder.neck.conv2.{x}", "sam.neck.2.{x}"),
        Rule("vision_encoder.neck.layer_norm2.{x}", "sam.neck.3.{x}"),
        Rule(
            "shared_image_embedding.positional_embedding",
            PROMPT + ".pe_layer.positional_encoding_gaussian_matrix",
        ),
        Rule(PROMPT + ".point_embed.{i}.{x}", PROMPT + ".point_embeddings.{i}.{x}"),
        same(PROMPT + ".not_a_point_embed.{x}"),
        same(PROMPT + ".no_mask_embed.{x}"),
        Rule(PROMPT + ".mask_embed.conv1.{x}", DOWNSCALING + ".0.{x}"),
        Rule(PROMPT + ".mask_embed.layer_norm1.{x}", DOWNSCALING + ".1.{x}"),
        Rule(PROMPT + ".mask_embed.conv2.{x}", DOWNSCALING + ".3.{x}"),
        Rule(PROMPT + ".mask_embed.layer_norm2.{x}", DOWNSCALING + ".4.{x}"),
        Rule(PROMPT + ".mask_embed.conv3.{x}", DOWNSCALING + ".6.{x}"),
        same("mask_decoder.iou_token.{x}"),
        same("mask_decoder.mask_tokens.{x}"),
        same(LAYER + ".self_attn.{x}"),
        same(LAYER + ".cross_attn_token_to_image.{x}"),
        same(LAYER + ".cross_attn_image_to_token.{x}"),
        same(LAYER + ".mlp.{x}"),
        Rule(LAYER + ".layer_norm{j}.{x}", LAYER + ".norm{j}.{x}"),
        same(TWO_WAY + ".final_attn_token_to_image.{x}"),
        Rule(TWO_WAY + ".layer_norm_final_attn.{x}", TWO_WAY + ".norm_final_attn.{x}"),
        Rule("mask_decoder.upscale_conv1.{x}", UPSCALING + ".0.{x}"),
        Rule("mask_decoder.upscale_layer_norm.{x}", UPSCALING + ".1.{x}"),
        Rule("mask_decoder.upscale_conv2.{x}", UPSCALING + ".3.{x}"),
        Rule(HYPER + ".proj_in.{x}", HYPER + ".layers.0.{x}"),
        Rule(HYPER + ".layers.0.{x}", HYPER + ".layers.1.{x}"),
        Rule(HYPER + ".proj_out.{x}", HYPER + ".layers.2.{x}"),
        Rule(OVERLAP + ".proj_in.{x}", OVERLAP + ".layers.0.{x}"),
        Rule(OVERLAP + ".layers.0.{x}", OVERLAP + ".layers.1.{x}"),
        Rule(OVERLAP + ".proj_out.{x}", OVERLAP + ".layers.2.{x}"),
    ),
    ignored=(
        (
            "prompt_encoder.shared_embedding.positional_embedding",
            "a copy of shared_image_embedding.positional_embedding",
        ),
        ("prompt_encoder.mask_embed.{x}", UNUSED_MASKS),
        ("mask_decoder.{x}", UNUSED_DECODER),
    ),
)

SAM = Part(
    name="Segment Anything ViT-H",
    prefixes=("sam.", "prompt_encoder.", "mask_decoder."),
    layouts=(ORIGINAL, TRANSFORMERS),
)
