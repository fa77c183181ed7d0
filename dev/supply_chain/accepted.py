"""Packages whose licence their metadata does not tell, or that have terms of their own: each looked at, and why it is here."""

KNOWN = {
    "oss-harmony": ("Apache-2.0", "a fork of openai-harmony, which has that licence"),
    "promql-parser": ("MIT", "its file LICENSE"),
    "setuptools": ("MIT", "its file LICENSE"),
    "supervisor": (
        "LicenseRef-BSD",
        'its metadata: "BSD-derived (http://www.repoze.org/LICENSE.txt)"',
    ),
}
"""By name the licence that metadata leaves out, and where it stands."""

WITH_TERMS = {
    "intel-cmplr-lib-ur": "Intel's terms for developer tools; intel-openmp needs it",
    "intel-openmp": "Intel's terms for developer tools; vLLM on CPUs asks for its threads",
    "nvidia-cuda-cupti": "NVIDIA's terms; PyTorch's wheel loads it, also without a GPU",
    "nvidia-cuda-runtime": "NVIDIA's terms; PyTorch's wheel loads it, also without a GPU",
    "pycountry": "LGPL-2.1-only; a library of Python, passed on as it is, with its source",
}
"""In the image of vLLM for CPUs alone, unchanged as PyPI has them. Whoever passes that image on passes these terms on, too."""
