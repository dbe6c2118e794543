"""`COCO.showAnns`: annotations drawn with matplotlib, which is imported only here and only when needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from meanap.compat.pycocotools import mask as maskUtils

# Crowds are all of one colour.
_CROWD = np.array([2.0, 166.0, 101.0]) / 255


def show(coco: Any, anns: list[dict[str, Any]], draw_bbox: bool) -> int | None:
    """Draws (or, for captions, prints) annotations; see `COCO.showAnns`."""
    if len(anns) == 0:
        return 0
    if "segmentation" in anns[0] or "keypoints" in anns[0]:
        _draw(coco, anns, draw_bbox)
    elif "caption" in anns[0]:
        for ann in anns:
            print(ann["caption"])
    else:
        raise Exception('nothing to show: the first annotation has no "segmentation", "keypoints" or "caption"')
    return None


def _draw(coco: Any, anns: list[dict[str, Any]], draw_bbox: bool) -> None:
    try:
        import matplotlib.pyplot as plt
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Polygon
    except ImportError as error:
        raise ImportError("COCO.showAnns needs matplotlib: pip install 'meanap[plot]'") from error

    ax = plt.gca()
    ax.set_autoscale_on(False)
    outlines, colors = [], []
    for ann in anns:
        color = (np.random.random((1, 3)) * 0.6 + 0.4).tolist()[0]
        if "segmentation" in ann:
            if type(ann["segmentation"]) is list:
                for ring in ann["segmentation"]:
                    outlines.append(np.array(ring).reshape(len(ring) // 2, 2))
                    colors.append(color)
            else:
                ax.imshow(_tinted(coco, ann))
        if "keypoints" in ann and type(ann["keypoints"]) is list:
            _draw_pose(plt, coco.loadCats(ann["category_id"])[0]["skeleton"], ann["keypoints"], color)
        if draw_bbox:
            x, y, w, h = ann["bbox"]
            outlines.append(np.array([[x, y], [x, y + h], [x + w, y + h], [x + w, y]]))
            colors.append(color)
    patches = [Polygon(outline) for outline in outlines]
    ax.add_collection(PatchCollection(patches, facecolor=colors, linewidths=0, alpha=0.4))
    ax.add_collection(PatchCollection(patches, facecolor="none", edgecolors=colors, linewidths=2))


def _tinted(coco: Any, ann: dict[str, Any]) -> np.ndarray:
    """The mask as an image of one colour, half transparent, `(height, width, 4) float64`."""
    image, runs = coco.imgs[ann["image_id"]], ann["segmentation"]
    if type(runs["counts"]) is list:
        runs = maskUtils.frPyObjects(runs, image["height"], image["width"])
    mask = maskUtils.decode(runs)
    color = _CROWD if ann["iscrowd"] == 1 else np.random.random((1, 3))[0]
    return np.dstack([np.broadcast_to(color, (*mask.shape, 3)), mask * 0.5])


def _draw_pose(plt: Any, skeleton: Any, keypoints: list[Any], color: list[Any]) -> None:
    x, y, v = (np.array(keypoints)[axis::3] for axis in range(3))
    for bone in np.array(skeleton) - 1:
        if np.all(v[bone] > 0):
            plt.plot(x[bone], y[bone], linewidth=3, color=color)
    for seen, edge in ((v > 0, "k"), (v > 1, color)):
        style = {"markersize": 8, "markerfacecolor": color, "markeredgecolor": edge, "markeredgewidth": 2}
        plt.plot(x[seen], y[seen], "o", **style)
