package shm

import (
	"bytes"
	"os"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// ends returns both ends of a region's rings, as the two processes have them.
func ends(t *testing.T) (down *RingWriter, downReader *RingReader, up *RingReader, upWriter *RingWriter, w *Waiter) {
	t.Helper()
	a, b := newArena(t, 1, 1<<20)
	r := region(t, a, b)
	v := open(t, a, r)
	bell, err := NewBell()
	if err != nil {
		t.Fatal(err)
	}
	if w, err = NewWaiter(bell); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	down, up = r.Rings()
	downReader, upWriter = v.Rings(int(bell.Fd()))
	return down, downReader, up, upWriter, w
}

// A ring against a queue: what is put in comes out, once, whole, in order; it refuses only what has no room.
func TestARingIsAQueue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, r, _, _, _ := ends(t)
		var queue [][]byte
		used := 0
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				msg := bytes.Repeat([]byte{byte(len(queue))}, rapid.IntRange(0, ringData/3).Draw(rt, "bytes"))
				fits := used+prefix+len(msg) <= ringData
				if ok := w.Put(msg); ok != fits {
					rt.Fatalf("%d bytes with %d of %d used: %v", len(msg), used, ringData, ok)
				}
				if fits {
					queue, used = append(queue, msg), used+prefix+len(msg)
				}
			},
			"take": func(rt *rapid.T) {
				got, ok, err := r.Take([]byte("before"))
				if err != nil || ok != (len(queue) > 0) {
					rt.Fatalf("%v, %v with %d messages", ok, err, len(queue))
				}
				if ok {
					if want := append([]byte("before"), queue[0]...); !bytes.Equal(got, want) {
						rt.Fatalf("took %d bytes, want %d", len(got), len(want))
					}
					used -= prefix + len(queue[0])
					queue = queue[1:]
				}
				if r.Empty() != (len(queue) == 0) {
					rt.Fatal("it does not know whether it is empty")
				}
			},
		})
	})
}

// The coordinator's end must bear whatever a broken worker writes.
func FuzzABrokenWriterIsNoticed(f *testing.F) {
	f.Add(uint64(4), []byte{0, 0, 0, 0})
	f.Add(uint64(1)<<63, []byte{})
	f.Add(uint64(100), []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(uint64(ringData), bytes.Repeat([]byte{1}, ringData))
	f.Fuzz(func(t *testing.T, tail uint64, data []byte) {
		_, _, up, upWriter, _ := ends(t)
		copy(upWriter.data, data)
		upWriter.tail.Store(tail)
		for range ringData {
			msg, ok, err := up.Take(nil)
			if len(msg) > ringData {
				t.Fatalf("a message of %d bytes", len(msg))
			}
			if !ok || err != nil {
				return
			}
		}
		t.Fatal("it never ends")
	})
}

func TestAWriterBearsABrokenReader(t *testing.T) {
	for _, head := range []uint64{1, uint64(ringData) + 1, 1 << 63, ^uint64(0)} {
		w, r, _, _, _ := ends(t)
		r.head.Store(head)
		if w.Put([]byte("x")) && w.put-head > uint64(ringData) {
			t.Errorf("with a reader at %d it took a message", head)
		}
	}
}

func TestASleepingReaderIsWoken(t *testing.T) {
	down, worker, host, up, waiter := ends(t)
	const rounds = 2000
	never := func() bool { return false }
	go func() { // the worker answers each message with itself
		for n := 0; n < rounds; {
			msg, ok, err := worker.Take(nil)
			if err != nil {
				t.Error(err)
				return
			}
			if !ok {
				worker.WaitFutex(never)
				continue
			}
			up.Put(msg)
			up.Wake()
			n++
		}
	}()
	for i := range rounds {
		down.Put([]byte{byte(i)})
		down.Wake()
		for {
			if err := waiter.Wait(host); err != nil {
				t.Fatal(err)
			}
			if msg, ok, _ := host.Take(nil); ok {
				if msg[0] != byte(i) {
					t.Fatalf("answer %d to %d", msg[0], byte(i))
				}
				break
			}
		}
	}
}

func TestAWaitEndsForOtherReasons(t *testing.T) {
	_, worker, host, up, waiter := ends(t)
	var done atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !done.Load() {
			worker.WaitFutex(done.Load)
		}
	}()
	done.Store(true)
	worker.WakeFutex()
	<-ended

	up.Put([]byte("not called for"))
	if waiter.Wait(host) != nil {
		t.Fatal("a message that is there is waited for")
	}
	_, _, _ = host.Take(nil)
	waiter.Look()
	if err := waiter.Wait(host); err != nil { // returns
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- waiter.Wait(host) }()
	waiter.Close()
	if err := <-closed; err != os.ErrClosed {
		t.Fatalf("after Close: %v", err)
	}
	waiter.Look() // does nothing
}

func TestARegionsNextWorkerFindsEmptyRings(t *testing.T) {
	a, b := newArena(t, 1, 1<<20)
	r := region(t, a, b)
	down, _ := r.Rings()
	down.Put([]byte("for the first"))
	r.Retire()
	v := open(t, a, region(t, a, b))
	reader, _ := v.Rings(-1)
	if msg, ok, err := reader.Take(nil); ok || err != nil {
		t.Fatalf("found %q, %v", msg, err)
	}
}

// The hot path of a message, without a wake.
func BenchmarkRing(b *testing.B) {
	a, err := Create(1, 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	r, err := a.Region(NewBudget("bench", 1<<20))
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	defer r.Retire()
	w, _ := r.Rings()
	reader := &RingReader{ring: w.ring}
	msg, buf := make([]byte, 120), make([]byte, 0, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		w.Put(msg)
		w.Wake()
		buf, _, _ = reader.Take(buf[:0])
	}
}
