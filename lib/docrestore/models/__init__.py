"""Every network of the book, by name. A plain dictionary: read it, index it, loop over it."""

from torch import nn

from docrestore.models import de_gan, de_gan_compact, ra_gan, ra_gan_compact

MODELS: dict[str, type[nn.Module]] = {
    "de_gan": de_gan.Generator,
    "de_gan-discriminator": de_gan.Discriminator,
    "de_gan-pytorch": de_gan.PyTorchGenerator,
    "de_gan-pytorch-discriminator": de_gan.PyTorchDiscriminator,
    "de_gan-compact": de_gan_compact.CompactGenerator,
    "ra_gan": ra_gan.Generator,
    "ra_gan-discriminator": ra_gan.Discriminator,
    "ra_gan-compact": ra_gan_compact.CompactGenerator,
}
