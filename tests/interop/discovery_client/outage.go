package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	serverpb "github.com/siderolabs/discovery-api/api/v1alpha1/server/pb"
	"google.golang.org/protobuf/types/known/durationpb"
)

const restartNodes = 50

// clientRedirect has the service of two nodes die and come back only to send them to
// another one.
//
// Source: discovery.md 6.2, ClientRedirect, with its budgets.
func clientRedirect(s *setting) error {
	one, err := s.start("redirect", "af_1", time.Minute)
	if err != nil {
		return err
	}

	two, err := s.start("redirect", "af_2", time.Minute)
	if err != nil {
		return err
	}

	there, err := s.dial(s.other)
	if err != nil {
		return err
	}
	defer there.close()

	return inOrder(
		func() error { return one.publish(nil, endpoint("192.0.2.1", 1)) },
		func() error { return two.publish(nil, endpoint("192.0.2.2", 2)) },
		func() error { return both(one, two, "meet") },
		settle,
		func() error { return ask("kill the first service; start it again, redirecting to the second") },
		func() error {
			return await("both are at the second service", 10*time.Second, func() bool {
				listed, err := there.list(s.cluster("redirect"))

				return err == nil && len(listed) == 2
			})
		},
		func() error { return both(one, two, "meet again") },
		func() error { return ask("stop the first service") },
		func() error { return one.publish(nil, endpoint("192.0.2.1", 1), endpoint("192.0.2.1", 3)) },
		func() error {
			return two.hears("an update still arrives", 2*time.Second, func() bool {
				return two.knows("af_1", 2)
			})
		},
		func() error { return end(one, two) },
	)
}

// settle lets clients finish what they are saying: they push twice at their start, and
// a service that dies in the midst of a push leaves them blind for half of their data's
// lifetime (discovery.md 5.3), whichever service it is.
func settle() error {
	time.Sleep(time.Second)

	return nil
}

func both(one, two *node, what string) error {
	return errors.Join(
		one.hears("both "+what, 2*time.Second, func() bool { return one.knows("af_2", 1) }),
		two.hears("both "+what, 2*time.Second, func() bool { return two.knows("af_1", 1) }),
	)
}

// restart has the service of 50 nodes restarted under them. It keeps what it knew: also
// of a node nobody publishes again.
func restart(s *setting) error {
	cluster := s.cluster("restart")

	raw, err := s.dial(s.address)
	if err != nil {
		return err
	}
	defer raw.close()

	nodes, err := s.startMany("restart", restartNodes, time.Minute)
	if err != nil {
		return err
	}

	if err := inOrder(
		func() error { return introduce(nodes) },
		func() error { return acquainted(nodes, 5*time.Second) },
		settle,
	); err != nil {
		return err
	}

	silent := &serverpb.AffiliateUpdateRequest{
		ClusterId: cluster, AffiliateId: "silent", AffiliateData: []byte("sealed"),
		Ttl: durationpb.New(10 * time.Minute),
	}
	if _, err := raw.AffiliateUpdate(context.Background(), silent); err != nil {
		return err
	}

	stream, err := raw.Watch(context.Background(), &serverpb.WatchRequest{ClusterId: cluster})
	if err != nil {
		return err
	}

	attendance := startRollCall(nodes)

	return inOrder(
		func() error { return ask("restart the service") },
		func() error { return farewell(stream) },
		func() error {
			return await("every node watches again and knows all others", 10*time.Second, func() bool {
				return areBack(nodes) && knowEachOther(nodes)
			})
		},
		func() error { return remembers(raw, cluster, "silent") },
		func() error {
			attendance.end()

			return end(nodes...)
		},
	)
}

// drain has the service of 15 nodes stop and send them to another one meanwhile.
func drain(s *setting) error {
	nodes, err := s.startMany("drain", 15, time.Minute)
	if err != nil {
		return err
	}

	there, err := s.dial(s.other)
	if err != nil {
		return err
	}
	defer there.close()

	return inOrder(
		func() error { return introduce(nodes) },
		func() error { return acquainted(nodes, 5*time.Second) },
		settle,
		func() error { return ask("drain the first service") },
		func() error {
			return await("everybody is at the second service", 10*time.Second, func() bool {
				listed, err := there.list(s.cluster("drain"))

				return err == nil && len(listed) == len(nodes)
			})
		},
		func() error { return acquainted(nodes, 5*time.Second) },
		func() error { return end(nodes...) },
	)
}

// failover has one of two replicas die behind a balancer that gave each of them half of
// 50 nodes.
func failover(s *setting) error {
	nodes, err := s.startMany("failover", restartNodes, time.Minute)
	if err != nil {
		return err
	}

	if err := inOrder(
		func() error { return introduce(nodes) },
		func() error { return acquainted(nodes, 5*time.Second) },
		settle,
	); err != nil {
		return err
	}

	attendance := startRollCall(nodes)
	returned := func() int {
		back := 0

		for _, n := range nodes {
			if n.calls.count("Watch") > 1 {
				back++
			}
		}

		return back
	}

	return inOrder(
		func() error { return ask("kill a replica") },
		func() error {
			return await("half of them watch again", 10*time.Second, func() bool {
				return returned() == restartNodes/2
			})
		},
		func() error { return nodes[0].publish(nil, endpoint("192.0.2.1", 1)) },
		func() error {
			return await("everybody hears what one of them says", 5*time.Second, func() bool {
				return hearsNews(nodes[1:], nodes[0].id)
			})
		},
		func() error {
			attendance.end()

			return end(nodes...)
		},
	)
}

// hearsNews tells whether all know the endpoint that a node added.
func hearsNews(nodes []*node, id string) bool {
	for _, n := range nodes {
		if !n.knows(id, 3) {
			return false
		}
	}

	return true
}

// farewell reads a watch to its end and says what that was.
func farewell(stream serverpb.Cluster_WatchClient) error {
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			fmt.Println("the watch ended: OK")

			return nil
		} else if err != nil {
			fmt.Printf("the watch ended: %v\n", err)

			return nil
		}
	}
}

func areBack(nodes []*node) bool {
	for _, n := range nodes {
		if n.calls.count("Watch") < 2 {
			return false
		}
	}

	return true
}

func remembers(raw *connection, cluster, id string) error {
	return await("the service remembers whom nobody publishes again", 5*time.Second, func() bool {
		listed, err := raw.list(cluster)

		return err == nil && listed[id] != nil
	})
}

// idle watches and says nothing while pings go to and fro every 10 s: a bare watch, and
// a node whose lifetime makes its client ping as often.
//
// Source: discovery.md 3.5 and 9.1; checklist 45.
func idle(s *setting) error {
	raw, err := s.dial(s.address)
	if err != nil {
		return err
	}
	defer raw.close()

	stream, err := raw.Watch(context.Background(), &serverpb.WatchRequest{ClusterId: s.cluster("idle")})
	if err != nil {
		return err
	}

	if _, err := stream.Recv(); err != nil {
		return err
	}

	n, err := s.start("idle too", "quiet", 100*time.Second)
	if err != nil {
		return err
	}

	heard := make(chan error, 1)

	go func() {
		_, err := stream.Recv()
		heard <- err
	}()

	select {
	case err := <-heard:
		return fmt.Errorf("an idle watch did not stay idle: %w", err)
	case <-time.After(s.duration):
	}

	if n.calls.connected() != 1 || n.calls.count("Watch") != 1 || n.errors.Len() != 0 {
		return fmt.Errorf("%d connections, %d watches, errors: %v",
			n.calls.connected(), n.calls.count("Watch"), n.errors.All())
	}

	return inOrder(
		func() error { return stillHears(s, heard) },
		func() error {
			if raw.calls.connected() != 1 {
				return fmt.Errorf("the idle watch needed %d connections", raw.calls.connected())
			}

			fmt.Printf("idle for %s, one connection each\n", s.duration)

			return end(n)
		},
	)
}

// stillHears changes the cluster from elsewhere; the watch must tell.
func stillHears(s *setting, heard <-chan error) error {
	other, err := s.dial(s.address)
	if err != nil {
		return err
	}
	defer other.close()

	update := &serverpb.AffiliateUpdateRequest{
		ClusterId: s.cluster("idle"), AffiliateId: "loud", AffiliateData: []byte("sealed"),
		Ttl: durationpb.New(time.Minute),
	}
	if _, err := other.AffiliateUpdate(context.Background(), update); err != nil {
		return err
	}

	select {
	case err := <-heard:
		return err
	case <-time.After(2 * time.Second):
		return errors.New("the idle watch is deaf")
	}
}
