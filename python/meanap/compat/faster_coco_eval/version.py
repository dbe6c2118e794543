"""The version of faster-coco-eval whose API and numbers these are."""

__version__ = "1.8.0"
__author__ = "MiXaiLL76,Borda"
