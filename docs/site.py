"""What the site has beside the pages in this folder: pages from the repository's root, and the API reference.

MkDocs calls the functions ``on_…`` (``hooks`` in mkdocs.yml). Public names are read from the sources' ``__all__``, so
neither a built module nor any package that meanap works with is needed.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent

#: Pages of the site that are files elsewhere in the repository.
PAGES = {
    "index.md": "README.md",
    "architecture.md": "ARCHITECTURE.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "changes.md": "CHANGELOG.md",
    "floor.md": "benches/FLOOR.md",
}

#: Pages of the API reference: title, and the modules whose public names they document. A name is documented once, under
#: the first module that has it.
REFERENCE = {
    "meanap": ("The top level", ["meanap"]),
    "detection": (
        "Detection",
        [
            "meanap.detection",
            *(f"meanap.detection.{name}" for name in ("confusion", "derived", "errors", "matches", "operating")),
            "meanap.statistics",
        ],
    ),
    "protocol": (
        "Protocols",
        [
            "meanap.protocol",
            *(f"meanap.protocol.{name}" for name in ("coco", "lvis", "torchmetrics", "ultralytics", "voc")),
        ],
    ),
    "readers": (
        "Inputs",
        ["meanap.checking", "meanap.conversion", "meanap.errors", "meanap.readers", "meanap.writers"],
    ),
    "plot": ("Plots, report and tables", ["meanap.plot", "meanap.report", "meanap.report.inline", "meanap.table"]),
    "metric": ("Metric objects", ["meanap.metric"]),
    "segmentation": ("Segmentation", ["meanap.segmentation"]),
    "ranking": ("Ranking", ["meanap.ranking"]),
    "distributed": ("Clusters", ["meanap.distributed", "meanap.distributed.parts"]),
    "generate": ("Synthetic data", ["meanap.generate"]),
    "compat": (
        "Names of other packages",
        [
            "meanap.compat",
            "meanap.coco",
            *(
                f"meanap.compat.{name}"
                for name in (
                    "pycocotools", "pycocotools.mask", "faster_coco_eval",
                    "faster_coco_eval.utils.pytorch", "lvis", "xtcocotools.coco", "xtcocotools.cocoeval",
                    "torchmetrics", "torchvision", "mmengine", "detectron2", "panopticapi",
                    "panopticapi.evaluation", "panopticapi.utils",
                    "pytrec_eval", "ml_metrics", "sklearn", "tensorflow",
                )
            ),
        ],
    ),
}  # fmt: skip


def public_names(module):
    """The names in a module's ``__all__``, by its source."""
    path = ROOT / "python" / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return ast.literal_eval(node.value)
    return []


def reference():
    """The pages of the API reference by path: a heading for each module, and each public name below its module."""
    import griffe

    package = griffe.load("meanap", search_paths=[ROOT / "python"], allow_inspection=False)
    homes = {}
    for _, modules in REFERENCE.values():
        for module in modules:
            for name in public_names(module):
                homes.setdefault(_canonical(package, f"{module}.{name}"), f"{module}.{name}")
    pages = {}
    for page, (title, modules) in REFERENCE.items():
        lines = [f"# {title}", ""]
        for module in modules:
            lines += [f"## {module}", "", *_summary(package, module), ""]
            elsewhere = []
            for name in sorted(public_names(module), key=str.lower):
                path = f"{module}.{name}"
                home = homes[_canonical(package, path)]
                if home == path and not name.startswith("_"):
                    lines += [f"::: {path}", *_with_inherited(package, path, homes), ""]
                elif home != path:
                    elsewhere.append(f"- `{name}`: [{home}][{home}]")
            lines += [*elsewhere, ""]
        pages[f"reference/{page}.md"] = "\n".join(lines)
    return pages


def _with_inherited(package, path, homes):
    """Options that list what a class has of a base that is not public, and so has no entry of its own."""
    found = package[path.removeprefix("meanap.")]
    found = found.final_target if found.is_alias else found
    if not found.is_class:
        return []
    members = [base.members for base in found.mro() if base.path not in homes and base.path.startswith("meanap.")]
    names = {name: None for of_base in members for name in of_base if not name.startswith("_")}
    methods = [name for name in names if not any(name in of and _is_plain(of[name]) for of in members)]
    return ["    options:", f"      inherited_members: {methods}"] if methods else []


def _is_plain(member):
    return member.is_attribute and "property" not in member.labels


def _canonical(package, path):
    found = package[path.removeprefix("meanap.")]
    return found.final_target.path if found.is_alias else found.path


def _summary(package, module):
    found = package if module == "meanap" else package[module.removeprefix("meanap.")]
    return [found.docstring.value.split("\n\n")[0].strip()] if found.docstring else []


def of_root(path):
    """The text of a page of the repository's root, with links as they are within this folder."""
    text = (ROOT / path).read_text(encoding="utf-8")
    for page, file in PAGES.items():
        text = re.sub(rf"\]\((?:\.\./)*{re.escape(file)}", f"]({page}", text)
    return text.replace("](docs/", "](").replace('"docs/', '"')


def on_page_markdown(markdown, **_):
    """Leads links to the repository's root to the pages of the site."""
    for page, file in PAGES.items():
        markdown = re.sub(rf"\]\(\.\./((?:\.\./)*){re.escape(file)}", rf"](\1{page}", markdown)
    return markdown


def on_config(config):
    """Puts the reference into the navigation, before the part for contributors."""
    pages = [{title: f"reference/{page}.md"} for page, (title, _) in REFERENCE.items()]
    config.nav.insert(len(config.nav) - 1, {"API reference": pages})
    return config


def on_files(files, config):
    """Adds the pages that are not files in this folder."""
    from mkdocs.structure.files import File

    pages = {page: of_root(file) for page, file in PAGES.items()} | reference()
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    return files
