"""What learns on the device, and how: the head, the layers, the settings, and marking them."""
