"""Every network of the book, by name. A plain dictionary: read it, index it, loop over it."""

from torch import nn

from docrestore.models import (
    de_gan,
    de_gan_compact,
    denoiser_compact,
    dncnn,
    gan2gan,
    ra_gan,
    ra_gan_compact,
)

MODELS: dict[str, type[nn.Module]] = {
    "de_gan": de_gan.Generator,
    "de_gan-discriminator": de_gan.Discriminator,
    "de_gan-pytorch": de_gan.PyTorchGenerator,
    "de_gan-pytorch-discriminator": de_gan.PyTorchDiscriminator,
    "de_gan-compact": de_gan_compact.CompactGenerator,
    "ra_gan": ra_gan.Generator,
    "ra_gan-discriminator": ra_gan.Discriminator,
    "ra_gan-compact": ra_gan_compact.CompactGenerator,
    "dncnn": dncnn.DnCNN,
    "gan2gan-noise": gan2gan.NoiseGenerator,
    "gan2gan-noise-field": gan2gan.NoiseField,
    "gan2gan-critic": gan2gan.Critic,
    "gan2gan-unet": gan2gan.SharedUNet,
    "gan2gan-compact": denoiser_compact.CompactDenoiser,
}
