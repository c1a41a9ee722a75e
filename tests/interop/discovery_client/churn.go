package main

import (
	"fmt"
	"time"

	clientpb "github.com/siderolabs/discovery-api/api/v1alpha1/client/pb"
)

const (
	churnNodes     = 20
	churnEndpoints = 50 // of each node, so 1,000 at a time
	churnMoving    = 10 // of these leave and as many arrive with each round
	churnRounds    = 4
	churnTTL       = 4 * time.Second
)

// churn has 1,000 endpoints live while 200 of them at a time are replaced: the old
// ones expire, their owners do not.
func churn(s *setting) error {
	nodes, err := s.startMany("churn", churnNodes, churnTTL)
	if err != nil {
		return err
	}

	var attendance *rollCall

	for round := range churnRounds {
		if err := publishRound(nodes, round); err != nil {
			return err
		}

		what := fmt.Sprintf("round %d: everybody knows exactly these 1,000 endpoints", round)
		if err := await(what, 20*time.Second, func() bool { return inRound(nodes, round) }); err != nil {
			return err
		}

		if round == 0 {
			attendance = startRollCall(nodes)
		}
	}

	attendance.end()

	return end(nodes...)
}

func publishRound(nodes []*node, round int) error {
	for i, n := range nodes {
		endpoints := make([]*clientpb.Endpoint, 0, churnEndpoints)
		for port := range churnEndpoints {
			endpoints = append(endpoints, endpoint("192.0.2.1", i*1000+round*churnMoving+port+1))
		}

		if err := n.publish(nil, endpoints...); err != nil {
			return err
		}
	}

	return nil
}

func inRound(nodes []*node, round int) bool {
	for _, n := range nodes {
		for i, other := range nodes {
			if n == other {
				continue
			}

			known := n.find(other.id)
			if known == nil || !isRound(known.Endpoints, i, round) {
				return false
			}
		}
	}

	return true
}

// isRound tells whether these are the endpoints node i has in a round; in any order.
func isRound(known []*clientpb.Endpoint, i, round int) bool {
	if len(known) != churnEndpoints {
		return false
	}

	first := i*1000 + round*churnMoving + 1
	for _, one := range known {
		if at := int(one.GetPort()) - first; at < 0 || at >= churnEndpoints {
			return false
		}
	}

	return true
}
