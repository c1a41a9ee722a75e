"""Records in etcd, so that several replicas act as one service.

::

    update ──► writer ──► Txn: put if unchanged ──► etcd ──► watch ──► every replica:
                 ▲                                                     follower
                 └──────────── waits until it is seen ◄── mirror ◄────────┘
                                                            │
                                                            └──► Clusters, watchers

One key per affiliate. Only the follower changes the mirror, in the order of etcd's
revisions, so every replica shows its watchers the same history. No clock is compared
with another one: a value says how much life was left when it was written.
"""
