package main

import (
	"fmt"
	"slices"
	"time"

	clientpb "github.com/siderolabs/discovery-api/api/v1alpha1/client/pb"
	"github.com/siderolabs/discovery-client/pkg/client"
	"google.golang.org/protobuf/proto"
)

// twoClients has two nodes meet, one change an endpoint and then leave.
//
// Source: discovery.md 6.2, Client/TwoClients, with its budgets; 6.5 is the same.
func twoClients(s *setting) error {
	one, err := s.start("two", "af_1", time.Minute)
	if err != nil {
		return err
	}

	two, err := s.start("two", "af_2", time.Minute)
	if err != nil {
		return err
	}

	first, added := endpoint("2001:db8::1", 51820), endpoint("1.2.3.4", 5678)

	return inOrder(
		func() error { return notified(one) },
		func() error { return notified(two) },
		func() error { return one.publish(nil, first) },
		func() error { return two.publish(nil) },
		func() error { return meets(one, two, nil) },
		func() error { return meets(two, one, []*clientpb.Endpoint{first}) },
		func() error { return one.publish(nil, first, added) },
		func() error {
			return two.hears("af_2 hears of an added endpoint", time.Second, func() bool {
				return isSeen(two, one, []*clientpb.Endpoint{first, added})
			})
		},
		func() error { return learnsAddress(one) },
		func() error {
			one.DeleteLocalAffiliate()

			return two.hears("af_2 hears that af_1 left", time.Second, func() bool {
				return len(two.GetAffiliates()) == 0
			})
		},
		func() error { return end(one, two) },
	)
}

// notified waits for the first notification, of an empty cluster.
func notified(n *node) error {
	started := time.Now()

	select {
	case <-n.changes:
	case <-time.After(2 * time.Second):
		return fmt.Errorf("%s: no notification of an empty cluster within 2s", n.id)
	}

	if known := len(n.GetAffiliates()); known != 0 {
		return fmt.Errorf("%s knows %d affiliates of an empty cluster", n.id, known)
	}

	say(started, n.id+" is told that nobody is there")

	return nil
}

func meets(n, other *node, endpoints []*clientpb.Endpoint) error {
	return n.hears(n.id+" meets "+other.id, 2*time.Second, func() bool {
		return isSeen(n, other, endpoints)
	})
}

// isSeen tells whether a node knows another exactly as that published itself.
func isSeen(n, other *node, endpoints []*clientpb.Endpoint) bool {
	found := n.find(other.id)
	equal := func(a, b *clientpb.Endpoint) bool { return proto.Equal(a, b) }

	return found != nil && proto.Equal(found.Affiliate, other.record()) &&
		slices.EqualFunc(found.Endpoints, endpoints, equal)
}

func learnsAddress(n *node) error {
	address := n.GetPublicIP()
	if len(address) != 4 && len(address) < 16 {
		return fmt.Errorf("%s: public address %x", n.id, address)
	}

	return nil
}

// affiliateExpire has a node fall silent and be forgotten.
//
// Source: discovery.md 6.2, Client/AffiliateExpire; the service sweeps every second.
func affiliateExpire(s *setting) error {
	one, err := s.start("expire", "af_1", time.Second)
	if err != nil {
		return err
	}

	two, err := s.start("expire", "af_2", time.Minute)
	if err != nil {
		return err
	}

	return inOrder(
		func() error { return one.publish(nil, endpoint("1.2.3.4", 5678)) },
		func() error { return two.publish(nil) },
		func() error { return meets(two, one, []*clientpb.Endpoint{endpoint("1.2.3.4", 5678)}) },
		func() error { return keeps(two, one, 3*time.Second) },
		func() error { return end(one) },
		func() error {
			return two.hears("af_1 is forgotten", 2*time.Second, func() bool {
				return len(two.GetAffiliates()) == 0
			})
		},
		func() error { return end(two) },
	)
}

// keeps fails if a node forgets another meanwhile.
func keeps(n, other *node, during time.Duration) error {
	for started := time.Now(); time.Since(started) < during; {
		if n.find(other.id) == nil {
			return fmt.Errorf("%s forgot %s, which is alive", n.id, other.id)
		}

		time.Sleep(10 * time.Millisecond)
	}

	return nil
}

// cluster has many nodes tell an endpoint of their own and one of their neighbour.
//
// Source: discovery.md 6.2, Client/Cluster1, 2 and 3: within 5 s.
func cluster(count int) scenario {
	return func(s *setting) error {
		nodes, err := s.startMany(fmt.Sprintf("cluster-%d", count), count, 10*time.Second)
		if err != nil {
			return err
		}

		return inOrder(
			func() error { return introduce(nodes) },
			func() error { return acquainted(nodes, 5*time.Second) },
			func() error { return end(nodes...) },
		)
	}
}

func introduce(nodes []*node) error {
	for i, n := range nodes {
		next := (i + 1) % len(nodes)
		told := client.Endpoint{
			AffiliateID: nodes[next].id,
			Endpoints:   []*clientpb.Endpoint{endpoint("::", (next+1)*100)},
		}

		if err := n.publish([]client.Endpoint{told}, endpoint("0.0.0.0", (i+1)*10)); err != nil {
			return err
		}
	}

	return nil
}

func acquainted(nodes []*node, budget time.Duration) error {
	what := fmt.Sprintf("%d nodes know two endpoints of each other", len(nodes))

	return await(what, budget, func() bool { return knowEachOther(nodes) })
}

func knowEachOther(nodes []*node) bool {
	for _, n := range nodes {
		known := n.GetAffiliates()
		if len(known) != len(nodes)-1 {
			return false
		}

		for _, other := range known {
			if !hasPorts(other) {
				return false
			}
		}
	}

	return true
}

// hasPorts tells whether the two endpoints are those the node and its neighbour told.
func hasPorts(known *client.Affiliate) bool {
	var i int
	if _, err := fmt.Sscanf(known.Affiliate.GetNodeId(), "node-%d", &i); err != nil {
		return false
	}

	ports := make([]int, 0, 2)
	for _, one := range known.Endpoints {
		ports = append(ports, int(one.GetPort()))
	}

	slices.Sort(ports)

	return slices.Equal(ports, []int{(i + 1) * 10, (i + 1) * 100})
}
