"""Writes keypoint_sets.json: the keypoints' sigmas and limbs in other packages.

    python tests/stored/ask_keypoint_sets.py FOLDER

needs NumPy, and in FOLDER these files of MMPose (commit 759b39c, `configs/_base_/datasets`): coco.py, crowdpose.py,
halpe26.py, halpe.py, coco_wholebody.py, coco_wholebody_face.py, coco_wholebody_hand.py and ap10k.py; and `cocoeval.py`
of Halpe-FullBody (commit 70d6014) as halpecocotools.py and of CrowdPose (commit 86fe5e1) as crowdposetools.py, of which
the arrays of sigmas alone are evaluated.
"""

import ast
import json
import runpy
import sys
from pathlib import Path

import numpy as np

PLACE = Path(__file__).with_name("keypoint_sets.json")
FILES = {
    "coco": "coco",
    "crowdpose": "crowdpose",
    "halpe26": "halpe26",
    "halpe136": "halpe",
    "wholebody": "coco_wholebody",
    "face68": "coco_wholebody_face",
    "hand21": "coco_wholebody_hand",
    "ap10k": "ap10k",
}


def arrays(path: Path) -> list[list[float]]:
    """What is assigned to `sigmas` and has no other names in it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        named = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "sigmas"
        if named and {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)} == {"np"}:
            value = eval(compile(ast.Expression(node.value), path.name, "eval"), {"np": np})
            found.append(value.tolist())
    return found


def main() -> None:
    """Run the configurations, store what they say."""
    stored = {}
    for name, file in FILES.items():
        told = runpy.run_path(str(Path(sys.argv[1], f"{file}.py")))["dataset_info"]
        ids = {point["name"]: point["id"] for point in told["keypoint_info"].values()}
        limbs = sorted(sorted(ids[end] for end in limb["link"]) for limb in told["skeleton_info"].values())
        stored[name] = {"sigmas": told["sigmas"], "skeleton": limbs}
    for name, file, count in (("halpe136", "halpecocotools", 136), ("crowdpose", "crowdposetools", 14)):
        stored[name][file] = next(each for each in arrays(Path(sys.argv[1], f"{file}.py")) if len(each) == count)
    PLACE.write_text(json.dumps(stored) + "\n")


if __name__ == "__main__":
    main()
