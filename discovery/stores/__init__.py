"""Where records are kept: in memory and on disk, or in etcd for several replicas."""
