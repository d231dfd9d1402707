"""Files that are not plain text: LaTeX and PDF."""
