package farm

// This file is how jobs come back from a worker that was given them beforehand and does not get to them.

// claim gives a job a claim, as long as there are some.
func (h *shift) claim(fl *flight) {
	if n := len(h.unused); n > 0 && fl.stream == nil {
		fl.claim, h.unused = h.unused[n-1], h.unused[:n-1]
		h.claims.Offer(fl.claim-1, fl.id)
	}
}

func (h *shift) unclaim(fl *flight) {
	if fl.claim != 0 {
		h.unused, fl.claim = append(h.unused, fl.claim), 0
	}
}

// recall takes back what waits behind a job that takes long, or hangs, while another worker has nothing to do. The jobs of
// streams stay: they are for this worker.
func (h *shift) recall() {
	if h.farm.idlers.Load() == 0 {
		return
	}
	for i := len(h.inFlight) - 1; i >= h.farm.lanes; i-- {
		fl := h.inFlight[i]
		if fl.claim == 0 || !h.claims.Take(fl.claim-1, fl.id) {
			continue
		}
		h.dropOutput(fl)
		h.remove(fl)
		h.farm.retries <- fl.task // has room for every job that workers can hold
		h.land(fl)
	}
}
