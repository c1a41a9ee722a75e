package main

import (
	"fmt"
	"time"

	clientpb "github.com/siderolabs/discovery-api/api/v1alpha1/client/pb"
	"github.com/siderolabs/discovery-client/pkg/client"
	"google.golang.org/protobuf/proto"
)

// company shares a cluster with a client of another make, called "other". Two nodes are
// ours: "go", which says all there is to say, and "third", of which both "go" and
// "other" report the endpoint 198.51.100.3:51820. What was seen is printed in hex.
//
// Source: discovery.md 10, lines 84 and 85.
func company(s *setting) error {
	one, err := s.start("company", "go", time.Minute)
	if err != nil {
		return err
	}

	third, err := s.start("company", "third", time.Minute)
	if err != nil {
		return err
	}

	shared := client.Endpoint{
		AffiliateID: "third",
		Endpoints:   []*clientpb.Endpoint{endpoint("198.51.100.3", 51820)},
	}
	own := &client.Affiliate{
		Affiliate: fullRecord(),
		Endpoints: []*clientpb.Endpoint{endpoint("192.0.2.7", 51820), endpoint("2001:db8::7", 51821)},
	}

	return inOrder(
		func() error { return third.publish(nil) },
		func() error { return one.SetLocalData(own, []client.Endpoint{shared}) },
		func() error { return ask("publish the other") },
		func() error {
			return await("go and third know the other", 10*time.Second, func() bool {
				return one.find("other") != nil && third.find("other") != nil
			})
		},
		func() error { return ask("report the endpoint of the third") },
		func() error {
			return await("third has an endpoint", 10*time.Second, func() bool {
				known := one.find("third")

				return known != nil && len(known.Endpoints) > 0
			})
		},
		func() error { return show(one, "other", "third") },
		func() error { return ask("see what go published") },
		func() error {
			one.DeleteLocalAffiliate()

			return ask("see go leave, then leave")
		},
		func() error {
			return await("the other left", 10*time.Second, func() bool { return third.find("other") == nil })
		},
		func() error { return end(one, third) },
	)
}

// fullRecord uses every field there is.
func fullRecord() *clientpb.Affiliate {
	network := func(address string, bits int) *clientpb.IPPrefix {
		return &clientpb.IPPrefix{Ip: endpoint(address, 0).GetIp(), Bits: uint32(bits)}
	}

	return &clientpb.Affiliate{
		NodeId:          "go",
		Addresses:       [][]byte{endpoint("10.0.0.7", 0).GetIp(), endpoint("2001:db8::7", 0).GetIp()},
		Hostname:        "host-go",
		Nodename:        "node-go",
		MachineType:     "controlplane",
		OperatingSystem: "Talos (v1.12.4)",
		Kubespan: &clientpb.KubeSpan{
			PublicKey:           "cGVlciBrZXkgb2YgdGhlIG5vZGUgY2FsbGVkIGdvISE=",
			Address:             endpoint("fd00::7", 0).GetIp(),
			AdditionalAddresses: []*clientpb.IPPrefix{network("10.244.7.0", 24)},
			ExcludeAdvertisedAddresses: []*clientpb.IPPrefix{
				network("10.244.7.128", 25), network("2001:db8:7::", 64),
			},
		},
		ControlPlane: &clientpb.ControlPlane{ApiServerPort: 6443},
	}
}

// show prints what a node knows of others: "saw ID RECORD ENDPOINT ...".
func show(n *node, ids ...string) error {
	for _, id := range ids {
		known := n.find(id)
		if known == nil {
			return fmt.Errorf("%s does not know %s", n.id, id)
		}

		record, err := proto.Marshal(known.Affiliate)
		if err != nil {
			return err
		}

		fmt.Printf("saw %s %x", id, record)

		for _, one := range known.Endpoints {
			raw, err := proto.Marshal(one)
			if err != nil {
				return err
			}

			fmt.Printf(" %x", raw)
		}

		fmt.Println()
	}

	return nil
}
