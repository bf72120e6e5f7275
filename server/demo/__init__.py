"""The demo: the whole main job over HTTP against itself, with invented people."""
