"""The rooms of danzheng: five services and the kernel that they stand on."""
