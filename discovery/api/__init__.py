"""The discovery API as generated from `cluster.proto`; never edited by hand."""
