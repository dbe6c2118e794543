"""Other packages' APIs on the core of meanap, a module for each, with its names, argument orders and conventions.

- `pycocotools`: `COCO`, `COCOeval`, `Params`, `mask`.
"""
