"""What puts the rooms together: composition root, command line, settings, demo."""
