"""Generated files: the CRD, its copy in the chart, and the reference pages; from the code, never by hand."""
