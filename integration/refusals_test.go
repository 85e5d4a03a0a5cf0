//go:build opencv

package integration

import (
	"path/filepath"
	"strings"
	"testing"
)

// What fails for every frame, whatever is in it and however large it is, is refused before the first, with the exit code of a
// mistake and a caret under the value that is wrong.
func TestWrongPipelinesAreRefusedBeforeAFrame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	copyTo(t, thumbnail(t), filepath.Join(dir, "good.png"))
	for _, c := range []struct {
		name, pipeline string
		at             string // where the caret stands
		says           string
	}{
		{"a channel that there is not", "extract_channel coi=3", "3", "coi=3: bgr u8 has channels 0 to 2"},
		{"bounds of three numbers for gray", "gray | in_range lowerb=20,60,60 upperb=35,255,255", "20,60,60", "lowerb has 3 numbers, gray u8 has 1 channel"},
		{"an upper bound for three channels of one", "gray | in_range upperb=1,2", "1,2", "upperb has 2 numbers"},
		{"three numbers to add to gray", "gray | add value=1,2,3", "1,2,3", "value has 3 numbers, gray u8 has 1 channel: give one for all, or one for each"},
		{"two numbers to add to three channels", "subtract value=1,2", "1,2", "value has 2 numbers, bgr u8 has 3 channels"},
		{"a border's colour for gray", "gray | copy_make_border top=3 value=1,2,3", "1,2,3", "value has 3 numbers"},
		{"a warp's border for gray", "gray | rotate_angle angle=3 borderValue=1,2,3", "1,2,3", "borderValue has 3 numbers"},
		{"gray of what is gray no more", "cvt_color code=BGR2HSV | gray", "gray", "got hsv u8: put cvt_color code=HSV2BGR before it"},
		{"colours of gray", "gray | cvt_color code=BGR2HSV", "BGR2HSV", "needs bgr or c3 u8 or f32, got gray u8"},
		{"a colour without alpha where there is one", "cvt_color code=BGR2BGRA | line color=1,2,3", "1,2,3", "bgra u8 has 4 channels: give all four"},
		{"a derivative of depth s16 of depth u16", "convert depth=u16 | sobel ddepth=s16", "s16", "needs u8, got bgr u16"},
		{"a transform of four channels", "transform m=1,0,0,0,0", "1,0,0,0,0", "m has rows of 5 numbers"},
		{"a picture beside that has another depth", "convert depth=u16 | add image=good.png", "good.png", "they must have the same format and depth"},
		{"an even kernel", "gaussian_blur ksize=4", "4", "ksize=4x4 is not allowed"},
		{"a text that no font has", `put_text text="é"`, `"é"`, "printable ASCII"},
		{"half a pixel", "line pt1=1.5,2", "1.5,2", "whole pixels"},
		{"what a step behind decides", "sobel ksize=3 dy=3", "3", "dx=1 dy=3 needs ksize above 3"},
		{"two values that exclude each other", "resize dsize=10x10 fx=2", "2", "not both"},
		{"nothing given", "resize", "resize", "needs dsize"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := runIn(t, dir, "run", "good.png", "-p", c.pipeline, "-o", "none", "--workers", "1").exits(2, c.says)
			lines := strings.Split(strings.TrimRight(p.stderr.text(), "\n"), "\n")
			text, caret := lines[len(lines)-2], lines[len(lines)-1]
			if strings.TrimLeft(caret, " ") != "^" || !strings.HasPrefix(string([]rune(text)[len(caret)-1:]), c.at) {
				t.Errorf("the caret is not under %s:\n%s", c.at, p.stderr.text())
			}
		})
	}
}

// Of a video, the size is known before its first frame, and what the output file can hold is known of every input. It was found
// frame by frame, though a dry run told.
func TestWhatAVideoCannotIsRefusedBeforeAFrame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	copyTo(t, clip(t), filepath.Join(dir, "clip.mp4"))
	copyTo(t, sample(t, "face-detect.jpg"), filepath.Join(dir, "photo.jpg"))
	for _, c := range []struct{ name, input, pipeline, output, caret, says string }{
		{"a place outside of it", "clip.mp4", "crop x=600", "out.mp4", "         ^", "1x320 at 600,0 does not lie within 560x320"},
		{"a seed outside of it", "clip.mp4", "gray | flood_fill seedPoint=600,5", "none", "                              ^", "600,5"},
		{"a picture of another size", "clip.mp4", "add image=photo.jpg", "none", "", "560x320"},
		{"floats in a video", "photo.jpg", "gray | convert depth=f32", "out.mp4", "         ^", "it makes gray f32, and out.mp4 needs"},
		{"another colour space in a video", "clip.mp4", "cvt_color code=BGR2HSV", "out.mp4", "  ^", "put cvt_color to bgr or gray behind it"},
		{"odd sides in a video", "clip.mp4", "crop width=201 height=100", "out.mp4", "  ^", "put crop width=200 height=100 behind it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, more := range [][]string{nil, {"--dry-run"}} {
				args := append([]string{"run", c.input, "-p", c.pipeline, "-o", c.output, "--workers", "1"}, more...)
				runIn(t, dir, args...).exits(2, c.says, "\n"+c.caret)
			}
		})
	}
	holds(t, dir, "clip.mp4", "photo.jpg")
}
