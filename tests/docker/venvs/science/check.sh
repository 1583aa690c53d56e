#!/bin/sh
# What has to start in the slim image.
set -e
/venv/bin/python -c 'import matplotlib.pyplot, numpy, pandas, polars, pyarrow.dataset, scipy.linalg, shapely
import sklearn.linear_model'
