package main

import (
	"sync"
	"time"

	"github.com/siderolabs/discovery-api/api/v1alpha1/server/pb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	affiliatesMax = 1024
	endpointsMax  = 64
	queueSlots    = 32
)

type endpoint struct {
	data    []byte
	expires time.Time
}

type affiliate struct {
	data      []byte
	endpoints []endpoint
	expires   time.Time
}

// subscription is one open watch; its queue is closed when a message did not fit.
type subscription struct {
	queue chan *pb.WatchResponse
}

// cluster is a bag of affiliates and those who watch it.
type cluster struct {
	mutex         sync.Mutex
	affiliates    map[string]*affiliate
	subscriptions map[*subscription]struct{}
}

func newCluster() *cluster {
	return &cluster{
		affiliates:    map[string]*affiliate{},
		subscriptions: map[*subscription]struct{}{},
	}
}

// update merges a submission; data counts as a change even if it is the same.
func (c *cluster) update(id string, data []byte, endpoints [][]byte, expires time.Time) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	known, found := c.affiliates[id]
	if !found {
		if len(c.affiliates) >= affiliatesMax {
			return status.Error(codes.ResourceExhausted, "too many affiliates")
		}
		known = &affiliate{}
		c.affiliates[id] = known
	}
	changed := !found
	if len(data) > 0 {
		known.data, known.expires, changed = data, expires, true
	}
	merged, err := known.merge(endpoints, expires)
	if err == nil && expires.After(known.expires) {
		known.expires = expires
	}
	if changed || merged {
		c.notify(&pb.WatchResponse{Affiliates: []*pb.Affiliate{known.message(id)}})
	}
	return err
}

// merge adds endpoints that are new and extends the others; it tells if one was new.
func (a *affiliate) merge(endpoints [][]byte, expires time.Time) (bool, error) {
	changed := false
next:
	for _, data := range endpoints {
		for i := range a.endpoints {
			if string(a.endpoints[i].data) == string(data) {
				if expires.After(a.endpoints[i].expires) {
					a.endpoints[i].expires = expires
				}
				continue next
			}
		}
		if len(a.endpoints) >= endpointsMax {
			return changed, status.Error(codes.ResourceExhausted, "too many endpoints")
		}
		a.endpoints = append(a.endpoints, endpoint{data, expires})
		changed = true
	}
	return changed, nil
}

func (a *affiliate) message(id string) *pb.Affiliate {
	endpoints := make([][]byte, len(a.endpoints))
	for i := range a.endpoints {
		endpoints[i] = a.endpoints[i].data
	}
	return &pb.Affiliate{Id: id, Data: a.data, Endpoints: endpoints}
}

func (c *cluster) remove(id string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	if _, found := c.affiliates[id]; found {
		delete(c.affiliates, id)
		c.notify(gone(id))
	}
}

func gone(id string) *pb.WatchResponse {
	return &pb.WatchResponse{Deleted: true, Affiliates: []*pb.Affiliate{{Id: id}}}
}

func (c *cluster) list() []*pb.Affiliate {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	return c.messages()
}

// subscribe returns everything there is and a subscription to everything after it.
func (c *cluster) subscribe() ([]*pb.Affiliate, *subscription) {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	watch := &subscription{queue: make(chan *pb.WatchResponse, queueSlots)}
	c.subscriptions[watch] = struct{}{}
	return c.messages(), watch
}

func (c *cluster) unsubscribe(watch *subscription) {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	delete(c.subscriptions, watch)
}

// sweep removes what has run out and tells whether the cluster is of no more use.
func (c *cluster) sweep(now time.Time) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	for id, known := range c.affiliates {
		if known.expires.Before(now) {
			delete(c.affiliates, id)
			c.notify(gone(id))
			continue
		}
		alive := known.endpoints[:0:0]
		for _, each := range known.endpoints {
			if each.expires.After(now) {
				alive = append(alive, each)
			}
		}
		known.endpoints = alive
	}
	return len(c.affiliates) == 0 && len(c.subscriptions) == 0
}

func (c *cluster) messages() []*pb.Affiliate {
	messages := make([]*pb.Affiliate, 0, len(c.affiliates))
	for id, known := range c.affiliates {
		messages = append(messages, known.message(id))
	}
	return messages
}

// notify offers a message to every watch and drops those that have no room for it.
func (c *cluster) notify(message *pb.WatchResponse) {
	for watch := range c.subscriptions {
		select {
		case watch.queue <- message:
		default:
			delete(c.subscriptions, watch)
			close(watch.queue)
		}
	}
}
