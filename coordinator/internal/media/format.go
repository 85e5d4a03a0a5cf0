package media

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
)

// class is what can be done with bytes: decode them as one image, or read them as a video.
type class string

const (
	classUnknown class = ""
	classImage   class = "image"
	classVideo   class = "video"
)

// format is a kind of file that is known by its first bytes.
type format struct {
	name  string
	class class
	// exts is how such files are called, the usual one first.
	exts []string
	is   func(head []byte) bool
}

// sniffLen is how many bytes of a file formatOf wants to see.
const sniffLen = 512

// formats is asked in order. GIF counts as a video because it may hold many frames, and every video library reads it.
func formats() []format {
	return []format{
		{"JPEG", classImage, []string{".jpg", ".jpeg", ".jpe", ".jfif"}, prefix("\xff\xd8\xff")},
		{"PNG", classImage, []string{".png", ".apng"}, prefix("\x89PNG\r\n\x1a\n")},
		{"WebP", classImage, []string{".webp"}, riff("WEBP")},
		{"BMP", classImage, []string{".bmp", ".dib"}, isBMP},
		{"PNM", classImage, []string{".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm"}, isPNM},
		{"TIFF", classImage, []string{".tif", ".tiff"}, prefix("II*\x00", "MM\x00*", "II+\x00", "MM\x00+")},
		{"JPEG 2000", classImage, []string{".jp2", ".j2k", ".jpc"}, prefix("\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51")},
		{"OpenEXR", classImage, []string{".exr"}, prefix("\x76\x2f\x31\x01")},
		{"Radiance HDR", classImage, []string{".hdr", ".pic"}, prefix("#?RADIANCE", "#?RGBE")},
		{"Sun raster", classImage, []string{".ras", ".sr"}, prefix("\x59\xa6\x6a\x95")},
		{"AVIF", classImage, []string{".avif", ".heic", ".heif"}, brand("avif", "avis", "heic", "heix", "mif1", "msf1")},
		{"GIF", classVideo, []string{".gif"}, prefix("GIF87a", "GIF89a")},
		{"MP4", classVideo, []string{".mp4", ".mov", ".m4v", ".3gp"}, isMP4},
		{"Matroska", classVideo, []string{".mkv", ".webm"}, prefix("\x1a\x45\xdf\xa3")},
		{"AVI", classVideo, []string{".avi"}, riff("AVI ")},
		{"MPEG-TS", classVideo, []string{".ts", ".mts", ".m2ts"}, isMPEGTS},
		{"MPEG-PS", classVideo, []string{".mpg", ".mpeg", ".vob"}, prefix("\x00\x00\x01\xba", "\x00\x00\x01\xb3")},
		{"ASF", classVideo, []string{".wmv", ".asf"}, prefix("\x30\x26\xb2\x75\x8e\x66\xcf\x11")},
		{"FLV", classVideo, []string{".flv"}, prefix("FLV\x01")},
		{"Ogg", classVideo, []string{".ogv", ".ogg"}, prefix("OggS")},
		{"YUV4MPEG", classVideo, []string{".y4m"}, prefix("YUV4MPEG2 ")},
		{"raw video", classVideo, []string{".h264", ".264", ".h265", ".265", ".hevc", ".mjpeg", ".mjpg"},
			prefix("\x00\x00\x00\x01\x67", "\x00\x00\x00\x01\x40", "\x00\x00\x01\x67")},
	}
}

// formatOf tells the format by the first bytes.
func formatOf(head []byte) (format, bool) {
	return findFormat(func(f format) bool { return f.is(head) })
}

// formatNamed tells the format by the extension of a file name.
func formatNamed(name string) (format, bool) {
	ext := strings.ToLower(filepath.Ext(name))
	return findFormat(func(f format) bool { return slices.Contains(f.exts, ext) })
}

func findFormat(ok func(format) bool) (format, bool) {
	all := formats()
	if i := slices.IndexFunc(all, ok); i >= 0 {
		return all[i], true
	}
	return format{}, false
}

// classify says what a file is: by content first, by name second. A file of single JPEGs one after the other is what Motion
// JPEG is, so there the name decides.
func classify(name string, head []byte) class {
	named, _ := formatNamed(name)
	found, ok := formatOf(head)
	switch {
	case ok && found.name == "JPEG" && named.class == classVideo && named.name == "raw video":
		return classVideo
	case ok:
		return found.class
	}
	return named.class
}

func prefix(magics ...string) func([]byte) bool {
	return func(head []byte) bool {
		return slices.ContainsFunc(magics, func(m string) bool { return bytes.HasPrefix(head, []byte(m)) })
	}
}

func riff(kind string) func([]byte) bool {
	return func(head []byte) bool {
		return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == kind
	}
}

func brand(brands ...string) func([]byte) bool {
	return func(head []byte) bool {
		return len(head) >= 12 && string(head[4:8]) == "ftyp" && slices.Contains(brands, string(head[8:12]))
	}
}

// isMP4 takes every other brand than the still images' that stand before it in the list, and QuickTime's files without one.
func isMP4(head []byte) bool {
	return len(head) >= 12 && slices.Contains([]string{"ftyp", "moov", "mdat", "wide", "free", "skip"}, string(head[4:8]))
}

// isBMP looks at the reserved words and the header's length too, because "BM" begins many a text.
func isBMP(head []byte) bool {
	if len(head) < 18 || string(head[:2]) != "BM" {
		return false
	}
	n := le32(head[14:])
	return n >= 12 && n <= 256 && le32(head[6:]) == 0
}

// isPNM wants P1 to P7, or the PF and Pf of float maps, and white space.
func isPNM(head []byte) bool {
	return len(head) >= 3 && head[0] == 'P' && bytes.IndexByte([]byte("1234567Ff"), head[1]) >= 0 && isSpace(head[2])
}

func isMPEGTS(head []byte) bool {
	return len(head) > 376 && head[0] == 0x47 && head[188] == 0x47 && head[376] == 0x47
}

func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }
