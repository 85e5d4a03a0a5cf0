//go:build opencv

package integration

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// camera is an RTSP server that shows a clip again and again, at 30 frames a second.
type camera struct {
	server *gortsplib.Server
	stream *gortsplib.ServerStream
	media  *description.Media
	format *format.H264
	units  [][][]byte // of the clip: NAL units by frame
	silent atomic.Bool
	url    string
	close  func() // may be called twice
}

// newCamera starts one on a port of its own.
func newCamera(t *testing.T) *camera {
	t.Helper()
	c := &camera{units: accessUnits(t)}
	c.format = &format.H264{PayloadTyp: 96, PacketizationMode: 1}
	for _, unit := range c.units[0] {
		switch h264.NALUType(unit[0] & 0x1f) {
		case h264.NALUTypeSPS:
			c.format.SPS = unit
		case h264.NALUTypePPS:
			c.format.PPS = unit
		}
	}
	c.media = &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{c.format}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.url = fmt.Sprintf("rtsp://%s/clip", listener.Addr())
	c.server = &gortsplib.Server{
		Handler: c, RTSPAddress: listener.Addr().String(),
		Listen: func(string, string) (net.Listener, error) { return listener, nil },
	}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{c.media}}}
	if err := c.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	var player sync.WaitGroup
	player.Go(func() { c.play(t, quit) })
	c.close = sync.OnceFunc(func() {
		close(quit)
		player.Wait()
		c.stream.Close()
		c.server.Close()
	})
	t.Cleanup(c.close)
	return c
}

// accessUnits are a real clip's frames, in the order in which they are sent: no frame stands before one that it is made of.
func accessUnits(t *testing.T) [][][]byte {
	t.Helper()
	file := produced(t, "stream.h264", "-i", clip(t), "-an", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency",
		"-g", "15", "-x264-params", "slices=1:sliced-threads=0", "-bsf:v", "h264_mp4toannexb", "-f", "h264")
	var units h264.AnnexB
	if err := units.Unmarshal([]byte(read(t, file))); err != nil {
		t.Fatal(err)
	}
	var frames [][][]byte
	var next [][]byte
	for _, unit := range units {
		next = append(next, unit)
		if kind := h264.NALUType(unit[0] & 0x1f); kind == h264.NALUTypeIDR || kind == h264.NALUTypeNonIDR {
			frames, next = append(frames, next), nil
		}
	}
	if len(frames) != clipFrames {
		t.Fatalf("the clip has %d frames, want %d", len(frames), clipFrames)
	}
	return frames
}

func (c *camera) play(t *testing.T, quit <-chan struct{}) {
	encoder, err := c.format.CreateEncoder()
	if err != nil {
		t.Error(err)
		return
	}
	ticker := time.NewTicker(time.Second / 30)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ticker.C:
		case <-quit:
			return
		}
		if c.silent.Load() {
			continue
		}
		packets, err := encoder.Encode(c.units[n%len(c.units)])
		if err != nil {
			t.Error(err)
			return
		}
		for _, p := range packets {
			p.Timestamp = uint32(n * 90000 / 30)
			_ = c.stream.WritePacketRTP(c.media, p) // fails when the last reader goes
		}
	}
}

// OnDescribe, OnSetup and OnPlay are gortsplib's doors.
func (c *camera) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *camera) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *camera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}
