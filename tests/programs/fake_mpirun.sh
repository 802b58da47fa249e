#!/bin/sh
# An mpirun that only tells how it was called: its words, then its settings in the environment.
echo mpirun "$@"
env | grep ^OMPI_MCA_
