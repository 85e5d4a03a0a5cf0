package frame

import "fmt"

// MarshalText makes a depth its name, such as "u8".
func (d Depth) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText takes the name of a depth.
func (d *Depth) UnmarshalText(text []byte) error {
	for i := range depths {
		if depths[i].name == string(text) {
			*d = Depth(i)
			return nil
		}
	}
	return fmt.Errorf("unknown depth %q", text)
}

// MarshalText makes a format its name, such as "bgr".
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText takes the name of a format.
func (f *Format) UnmarshalText(text []byte) error {
	for i := range formats {
		if formats[i].name == string(text) {
			*f = Format(i)
			return nil
		}
	}
	return fmt.Errorf("unknown format %q", text)
}
