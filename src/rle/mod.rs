//! Run-length masks: codec, polygon rasteriser, set operations.
