package farm

import "slices"

// This file is how jobs come back from a worker that was given them beforehand and does not get to them.

// claim gives a job a claim, as long as there are some.
func (h *shift) claim(fl *flight) {
	if n := len(h.unused); n > 0 {
		fl.claim, h.unused = h.unused[n-1], h.unused[:n-1]
		h.claims.Offer(fl.claim-1, fl.id)
	}
}

func (h *shift) unclaim(fl *flight) {
	if fl.claim != 0 {
		h.unused, fl.claim = append(h.unused, fl.claim), 0
	}
}

// unbegun reports whether the worker has not come to the job.
func (h *shift) unbegun(fl *flight) bool {
	return fl.claim != 0 && h.claims.Offered(fl.claim-1, fl.id)
}

// recall takes back what waits behind a job that takes long, or hangs, while another worker has nothing to do. The jobs of
// streams stay: they are for this worker. So does the first job, begun or not: by that a worker is seen that begins none. What
// comes back gets another number: its old message is still in the ring, and must not be taken for a later one, should the job
// come here again.
func (h *shift) recall() {
	if h.farm.idlers.Load() == 0 || len(h.inFlight) <= h.farm.lanes {
		return
	}
	for _, fl := range slices.Clone(h.inFlight[h.farm.lanes:]) {
		if fl.stream != nil || fl.claim == 0 || !h.claims.Take(fl.claim-1, fl.id) {
			continue
		}
		h.dropOutput(fl)
		h.remove(fl)
		fl.renumber(h.farm.lastID.Add(1))
		h.farm.retries <- fl.task // has room for every job that workers can hold
		h.land(fl)
	}
}
