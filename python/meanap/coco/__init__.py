"""pycocotools, its names and habits, on the Rust core."""
