"""A world of namespaces on one machine. Imports nothing of the daemon.

The demonstration, the namespace tests and the benchmarks use it like this (as root;
nothing is asynchronous; everything that fails raises `LabError` with the reason)::

    with Lab.create(LabSpec("mytest", nodes=4, nat=1), say=print) as lab:
        lab.wait_until_up(120, progress=print)      # seconds it took
        one, three = lab.node("node-1"), lab.node("node-3")

        assert lab.ping("node-1", "node-3").is_whole         # mesh addresses
        assert lab.ping_pods("node-1", "node-3").is_whole    # pod to pod
        one.run(["ip", "rule"]).stdout               # text; check=False, timeout_s=…
        running = one.spawn(["ping", "-i", "0.2", str(three.mesh_address)])
        one.stop_daemon(signal.SIGKILL)              # default SIGTERM; mesh stays
        one.start_daemon()                           # waits until it answers
        lab.discovery.stop()                         # and .start(): comes back empty
        four = lab.join()                            # one more; join(1): behind nat1
        print(running.stop().stdout)                 # SIGINT, then its output

``Lab.create(spec, start=False)`` builds the network alone; ``lab.start()`` starts the
rest. ``LabSpec`` takes further keys for the documents of all nodes (`kubespan_options`,
`host_options`), arguments of the service and variables of the daemons.
``node.write_config(text)`` replaces one node's configuration (``node.files.config`` is
the present one). ``node.ctl("peers")`` and ``node.resources("members")`` ask its
daemon; ``node.pod`` is a namespace behind it; ``node.daemon_pid``, ``node.log_tail()``,
``node.files.state_dir`` and ``lab.place("nat1")``, ``lab.internet`` are for looking
closer, ``tap.listening`` with ``capture.inspect_capture`` for what is on the wire.

Choose a name of your own for every test file: a running lab of the same name is an
error (``replace_running=True`` removes it), leftovers of a killed one are removed.
"""
