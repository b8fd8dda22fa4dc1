"""The rooms of danzheng: five services and the kernel that they stand on."""

__version__ = "0.1.0"
