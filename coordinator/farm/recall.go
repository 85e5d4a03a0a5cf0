package farm

import "slices"

// This file is how jobs come back from a worker that was given them beforehand and does not get to them.

// claim gives a job a claim, as long as there are some.
func (d *dispatcher) claim(fl *flight) {
	if n := len(d.unused); n > 0 {
		fl.claim, d.unused = d.unused[n-1], d.unused[:n-1]
		d.claims.Offer(fl.claim-1, fl.id)
	}
}

func (d *dispatcher) unclaim(fl *flight) {
	if fl.claim != 0 {
		d.unused, fl.claim = append(d.unused, fl.claim), 0
	}
}

// unbegun reports whether the worker has not come to the job.
func (d *dispatcher) unbegun(fl *flight) bool {
	return fl.claim != 0 && d.claims.Offered(fl.claim-1, fl.id)
}

// recall takes back what waits, in the worker or for it to be empty, behind a job that takes long, or hangs, while another worker
// has nothing to do. The jobs of streams stay: they are for this worker. So does the first job, begun or not: by that a worker is
// seen that begins none. What comes back gets another number: its old message is still in the ring, and must not be taken for a
// later one, should the job come here again.
func (d *dispatcher) recall() {
	if d.farm.idlers.Load() == 0 {
		return
	}
	if t := d.suspect; t != nil && t.stream == nil && d.farm.handBack(t) {
		d.suspect = nil
	}
	if len(d.inFlight) <= d.farm.lanes {
		return
	}
	for _, fl := range slices.Clone(d.inFlight[d.farm.lanes:]) {
		if fl.stream != nil || !d.reclaim(fl) {
			continue
		}
		fl.renumber(d.farm.lastID.Add(1))
		d.farm.retries <- fl.task // has room for every job that workers can hold
		d.reuse(fl)
	}
}

// reclaim takes a flight from the worker, if that has not begun it and so never will.
func (d *dispatcher) reclaim(fl *flight) bool {
	if fl.claim == 0 || !d.claims.Take(fl.claim-1, fl.id) {
		return false
	}
	d.dropOutput(fl)
	d.remove(fl)
	return true
}
