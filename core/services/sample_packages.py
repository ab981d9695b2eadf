# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The packages of the sample instance: a small scientific stack with every state a package can be in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.services.sample_nodes import SampleEdge, SampleNode, SampleRecord, Variant, make_node

_BUILD = ("build",)
_RUN = ("build", "run")
_LINK = ("build", "link")


@dataclass(frozen=True, slots=True)
class _Sample:
    """One line of the table below. `needs` names specs above it, `kilobytes` is about what its files take."""

    key: str
    version: str
    kilobytes: int
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    languages: tuple[str, ...] = ("c",)
    explicit: bool = False
    installed: bool = True
    external: str = ""

    @property
    def name(self) -> str:
        """Two entries of one package differ in their keys: `hdf5` and `hdf5:serial`."""
        return self.key.partition(":")[0]


NOT_REDISTRIBUTABLE = "namd"
_VIRTUALS = {"openmpi": ("mpi",), "openblas": ("blas", "lapack"), "zlib-ng": ("zlib-api",), "fftw": ("fftw-api",)}
# Nothing of these is compiled by the sample's compiler.
_NOT_COMPILED = ("gcc", "glibc", "compiler-wrapper", "gcc-runtime", "slurm")
_TABLE = (
    _Sample("glibc", "2.34", 0, external="/usr"),
    _Sample("gcc", "13.3.0", 0, external="/usr", variants={"languages": ["c", "c++", "fortran"]}),
    _Sample("slurm", "23.11.4", 0, external="/opt/slurm/23.11.4", variants={"pmix": True}),
    _Sample("compiler-wrapper", "1.0", 60),
    _Sample("gcc-runtime", "13.3.0", 2500, {"gcc": _BUILD, "glibc": ("link",)}),
    _Sample("ninja", "1.12.1", 300, languages=("cxx",), installed=False),
    _Sample("zlib-ng", "2.2.4", 420, {}, {"compat": True, "opt": True, "shared": True}),
    _Sample("bzip2", "1.0.8", 350, {}, {"pic": False, "shared": True}),
    _Sample("xz", "5.6.3", 900, {}, {"libs": ["shared", "static"], "pic": False}),
    _Sample("ncurses", "6.5", 1500, {}, {"abi": "none", "symlinks": False, "termlib": True}, ("c", "cxx")),
    _Sample("openssl", "3.4.1", 4000, {"zlib-ng": _LINK}, {"certs": "mozilla", "docs": False, "shared": True}),
    _Sample("libxml2", "2.13.5", 1900, {"xz": _LINK, "zlib-ng": _LINK}, {"pic": True, "python": False}),
    _Sample("hwloc", "2.11.1", 1100, {"libxml2": _LINK, "ncurses": _LINK}, {"cuda": False, "libxml2": True}),
    _Sample("libevent", "2.1.12", 800, {"openssl": _LINK}, {"openssl": True}),
    _Sample("pmix", "5.0.5", 1700, {"hwloc": _LINK, "libevent": _LINK}, {"munge": False, "python": False}),
    _Sample(
        "openmpi",
        "5.0.6",
        4500,
        {"hwloc": _LINK, "libevent": _LINK, "pmix": _LINK, "slurm": _RUN, "zlib-ng": _LINK},
        {"cuda": False, "fabrics": ["auto"], "schedulers": ["slurm"]},
        ("c", "cxx", "fortran"),
    ),
    _Sample("openblas", "0.3.29", 6000, {}, {"fortran": True, "threads": "none"}, ("c", "cxx", "fortran")),
    _Sample(
        "python",
        "3.13.2",
        7000,
        {"bzip2": _LINK, "ncurses": _LINK, "openssl": _LINK, "xz": _LINK, "zlib-ng": _LINK},
        {"debug": False, "optimizations": False, "shared": True, "tkinter": False},
        ("c", "cxx"),
        explicit=True,
    ),
    _Sample("cmake", "3.31.6", 6000, {"ncurses": _LINK, "openssl": _LINK}, {"ownlibs": True}, ("c", "cxx")),
    _Sample("py-numpy", "2.2.3", 2500, {"python": _RUN, "openblas": _LINK, "ninja": _BUILD}, explicit=True),
    _Sample("fftw", "3.3.10", 2600, {"openmpi": _LINK}, {"mpi": True, "precision": ["double", "float"]}),
    _Sample("hdf5", "1.14.5", 2900, {"cmake": _BUILD, "openmpi": _LINK, "zlib-ng": _LINK}, {"mpi": True, "hl": True}),
    _Sample("hdf5:serial", "1.14.5", 2500, {"cmake": _BUILD, "zlib-ng": _LINK}, {"mpi": False}, explicit=True),
    _Sample("netcdf-c", "4.9.2", 1000, {"hdf5": _LINK, "openmpi": _LINK}, {"mpi": True}, explicit=True),
    _Sample("metis", "5.1.0", 700, {"cmake": _BUILD}, {"int64": False, "real64": False}),
    _Sample("parmetis", "4.0.3", 600, {"cmake": _BUILD, "metis": _LINK, "openmpi": _LINK}, {"int64": False}),
    _Sample(
        "petsc",
        "3.22.4",
        9000,
        {"hdf5": _LINK, "metis": _LINK, "openblas": _LINK, "openmpi": _LINK, "parmetis": _LINK, "python": _BUILD},
        {"complex": False, "hdf5": True, "metis": True, "mpi": True},
        ("c", "cxx", "fortran"),
        explicit=True,
    ),
    _Sample(
        "gromacs",
        "2025.1",
        6000,
        {"cmake": _BUILD, "fftw": _LINK, "hwloc": _LINK, "openblas": _LINK, "openmpi": _LINK},
        {"mpi": True, "openmp": True},
        ("c", "cxx"),
        explicit=True,
    ),
    _Sample("namd", "3.0.1", 2500, {"fftw": _LINK}, {"interface": "tcl"}, ("c", "cxx"), explicit=True),
)


@dataclass(frozen=True, slots=True)
class SamplePackage:
    """A record of the sample, and about how much its files take."""

    record: SampleRecord
    kilobytes: int


def sample_packages() -> dict[str, SamplePackage]:
    """All packages, dependencies first, by name (and by `name:what` for a second one of that name)."""
    nodes: dict[str, SampleNode] = {}
    packages: dict[str, SamplePackage] = {}
    for sample in _TABLE:
        edges = [SampleEdge(nodes[key], kinds, _VIRTUALS.get(key, ())) for key, kinds in sample.needs.items()]
        if sample.name not in _NOT_COMPILED:
            edges += compiler_edges(nodes, sample.languages)
        node = make_node(sample.name, sample.version, variants=sample.variants, edges=edges, external=sample.external)
        nodes[sample.key] = node
        record = SampleRecord(node, installed=sample.installed, explicit=sample.explicit)
        packages[sample.key] = SamplePackage(record, sample.kilobytes)
    return packages


def compiler_edges(nodes: Mapping[str, SampleNode], languages: tuple[str, ...]) -> list[SampleEdge]:
    """What a package compiled by `nodes["gcc"]` depends on besides its own needs."""
    return [
        SampleEdge(nodes["compiler-wrapper"], ("build",)),
        SampleEdge(nodes["gcc"], ("build",), languages),
        SampleEdge(nodes["gcc-runtime"], ("link",)),
        SampleEdge(nodes["glibc"], ("link",), ("libc",)),
    ]
