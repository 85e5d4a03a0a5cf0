// Package workerpb is the protocol between coordinator and worker, generated from proto/cvfarm/v1, and the conversions of what
// the rest of the program calls by other names.
package workerpb

import "github.com/cvfarm/cvfarm/shared/frame"

// FromGeometry is g on the wire.
func FromGeometry(g frame.Geometry) *Geometry { return new(Geometry).Set(g) }

// Set makes m g on the wire, and returns it.
func (m *Geometry) Set(g frame.Geometry) *Geometry {
	m.Width, m.Height, m.Format, m.Depth = uint32(g.Width), uint32(g.Height), uint32(g.Format), uint32(g.Depth)
	return m
}

// Frame is g off the wire, unchecked; nil is the zero Geometry.
func (g *Geometry) Frame() frame.Geometry {
	return frame.Geometry{
		Width: int(g.GetWidth()), Height: int(g.GetHeight()),
		Format: frame.Format(uint8(min(g.GetFormat(), 255))), Depth: frame.Depth(uint8(min(g.GetDepth(), 255))),
	}
}
