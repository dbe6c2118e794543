"""Writes rotated.json: overlaps of rotated boxes as detectron2, mmcv and DOTA's development kit compute them.

    python tests/stored/ask_rotated.py box_iou_rotated_utils.h box_iou_rotated_utils.hpp polyiou.cpp

needs a C++ compiler and these files of detectron2 (`detectron2/layers/csrc/box_iou_rotated`, commit 02b5c4e), mmcv
(`mmcv/ops/csrc/common`, commit a8073c7; that of 1.7.2 computes the same) and DOTA_devkit (commit 9938855). They are
compiled as Python wheels are, without fused multiplication.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PLACE = Path(__file__).with_name("rotated.json")

PROGRAM = """
#include <cstdio>
#include <string>
#include <vector>
#include "{detectron2}"
namespace of_mmcv {{
#include "mmcv.hpp"
}}
#include "{polyiou}"

int main(int, char **arguments) {{
  std::string name = arguments[1];
  if (name == "polyiou") {{
    double numbers[16];
    while (fread(numbers, sizeof(double), 16, stdin) == 16) {{
      std::vector<double> first(numbers, numbers + 8), second(numbers + 8, numbers + 16);
      printf("%.17g\\n", iou_poly(first, second));
    }}
    return 0;
  }}
  double numbers[10];
  while (fread(numbers, sizeof(double), 10, stdin) == 10) {{
    float boxes[10];
    for (int i = 0; i < 10; i++) boxes[i] = numbers[i];
    float iou = name == "detectron2" ? detectron2::single_box_iou_rotated<float>(boxes, boxes + 5)
                                     : of_mmcv::single_box_iou_rotated<float>(boxes, boxes + 5, 0);
    printf("%.17g\\n", iou);
  }}
}}
"""


def pairs(radians: bool) -> np.ndarray:
    """Two boxes of five numbers in each row: near each other, the same, of shared sides, slender, small."""
    numbers = np.random.default_rng(21)
    unit = np.pi / 180 if radians else 1.0
    first = np.column_stack([numbers.uniform(0, 900, (300, 2)), numbers.uniform(4, 90, (300, 2)), np.zeros(300)])
    first[:, 4] = numbers.uniform(-180, 180, 300)
    second = first + np.column_stack([numbers.normal(0, 9, (300, 4)), numbers.normal(0, 20, 300)])
    second[:, 2:4] = np.abs(second[:, 2:4]) + 1
    second[40:80] = first[40:80]
    second[80:100, :2] = first[80:100, :2]
    second[100:120, 4] = first[100:120, 4] + 90
    first[120:140, 4], second[120:140, 4] = 0, numbers.choice([0, 90, 180, 45], 20)
    first[120:140, :4], second[120:140, :4] = np.round(first[120:140, :4]), np.round(second[120:140, :4])
    first[140:150, 3], second[140:150, 3] = 0.01, 0.02
    first[150:160], second[150:160] = first[150:160] / 500, second[150:160] / 500
    first[:, 4] *= unit
    second[:, 4] *= unit
    return np.round(np.hstack([first, second]), 4).astype(np.float32).astype(np.float64)


def quadrilaterals() -> np.ndarray:
    """Two quadrilaterals of eight numbers in each row: those of `pairs`, and any."""
    numbers = np.random.default_rng(22)
    corners = []
    for boxes in np.split(pairs(False), 2, axis=1):
        turn = np.radians(boxes[:, 4])[:, None, None]
        width, height = boxes[:, 2, None, None] / 2, boxes[:, 3, None, None] / 2
        along, across = np.array([-1, 1, 1, -1])[None, :, None], np.array([-1, -1, 1, 1])[None, :, None]
        x = boxes[:, 0, None, None] + along * width * np.cos(turn) + across * height * np.sin(turn)
        y = boxes[:, 1, None, None] - along * width * np.sin(turn) + across * height * np.cos(turn)
        corners.append(np.concatenate([x, y], axis=2).reshape(-1, 8))
    rows = np.hstack(corners)
    rows[40:60, 8:] = rows[40:60, 8:].reshape(-1, 4, 2)[:, ::-1].reshape(-1, 8)
    rows[200:] = numbers.uniform(0, 60, (100, 16))
    return np.round(rows, 2)


def main() -> None:
    """Compile, ask, write."""
    detectron2, mmcv, polyiou = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        # What it includes would else be in the namespace too.
        kept = [line for line in mmcv.read_text().splitlines() if not line.startswith(("#include", "#pragma once"))]
        Path(folder, "mmcv.hpp").write_text("\n".join(kept))
        source = Path(folder, "program.cpp")
        source.write_text(PROGRAM.format(detectron2=detectron2.resolve(), polyiou=polyiou.resolve()))
        program = Path(folder, "program")
        subprocess.run(["g++", "-O2", "-ffp-contract=off", "-o", program, source], check=True)
        stored = {}
        for name, rows in (("detectron2", pairs(False)), ("mmcv", pairs(True)), ("polyiou", quadrilaterals())):
            told = subprocess.run([program, name], input=rows.tobytes(), capture_output=True, check=True)
            answers = [float(line) for line in told.stdout.split()]
            # As text in which any reader finds the same bits.
            stored[name] = {"pairs": rows.tolist(), "overlap": answers}
    PLACE.write_text(json.dumps(stored) + "\n")


if __name__ == "__main__":
    main()
