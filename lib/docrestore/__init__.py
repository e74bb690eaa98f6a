"""docrestore: the models, losses and measures behind the notebook book."""

__version__ = "0.1.0"
