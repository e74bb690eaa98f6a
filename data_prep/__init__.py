"""Turns the world's bytes into data folders with a manifest."""
