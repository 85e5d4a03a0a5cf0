package exif

import "testing"

func TestOrientation(t *testing.T) {
	const jpeg, png = "\xff\xd8\xff\xe1\x00\x22Exif\x00\x00", "\x89PNG\r\n\x1a\n....IHDR.................\x00\x00\x00\x1aeXIf"
	big := func(held string) string {
		return "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + held + "\x00\x00\x00\x00\x00\x00"
	}
	const little = "II*\x00\x08\x00\x00\x00\x02\x00\x00\x01\x03\x00\x01\x00\x00\x00\x09\x00\x00\x00\x12\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00"
	for _, c := range []struct {
		name, file string
		want       int
	}{
		{"a jpeg", jpeg + big("\x06"), 6},
		{"a png", png + big("\x03"), 3},
		{"the second entry, the other end first", jpeg + little, 8},
		{"upright", jpeg + big("\x01"), 1},
		{"no such orientation", jpeg + big("\x09"), 1},
		{"none", jpeg + big("\x00"), 1},
		{"a jpeg without a block", "\xff\xd8\xff\xdb", 1},
		{"a png's name for it in a jpeg", "\xff\xd8\xff\xe1\x00\x22eXIf" + big("\x06"), 1},
		{"words that are no block", jpeg + "are\x00two words" + jpeg + big("\x06"), 6},
		{"a block that points beyond the file", jpeg + "II*\x00\xff\xff\xff\xff\xff", 1},
		{"a block that is cut", jpeg + "MM\x00*", 1},
		{"another format", "GIF89aExif\x00\x00" + big("\x06"), 1},
		{"nothing", "", 1},
	} {
		if got := Orientation([]byte(c.file)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func FuzzOrientation(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if got := Orientation(file); got < 1 || got > 8 {
			t.Errorf("%d", got)
		}
	})
}
