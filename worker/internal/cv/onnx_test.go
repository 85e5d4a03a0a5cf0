//go:build opencv && !gocv_specific_modules

package cv

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// model writes an ONNX file, as far as small networks need it: onnx.proto has the numbers of the fields.
type model struct {
	nodes, initializers, outputs []byte
	seed                         uint32
}

func field(b []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), value)
}

func varint(b []byte, number protowire.Number, value int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(value))
}

// weights adds numbers that look random, in each of dims[0] blocks from -reach to reach; the last reach is for all that follow.
func (m *model) weights(name string, reach []float32, dims ...int) {
	values := make([]float32, product(dims))
	for i := range values {
		block := i / product(dims[1:])
		m.seed = m.seed*1664525 + 1013904223
		values[i] = reach[min(block, len(reach)-1)] * (float32(m.seed>>8)/(1<<23) - 1)
	}
	m.numbers(name, values, dims...)
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// numbers adds a tensor of floats.
func (m *model) numbers(name string, values []float32, dims ...int) {
	raw := []byte{}
	for _, v := range values {
		raw = protowire.AppendFixed32(raw, math.Float32bits(v))
	}
	m.tensor(name, 1, raw, dims...)
}

// shape adds a tensor of whole numbers.
func (m *model) shape(name string, values ...int) {
	raw := []byte{}
	for _, v := range values {
		raw = protowire.AppendFixed64(raw, uint64(v))
	}
	m.tensor(name, 7, raw, len(values))
}

func (m *model) tensor(name string, kind int, raw []byte, dims ...int) {
	var t []byte
	for _, d := range dims {
		t = varint(t, 1, d)
	}
	t = field(field(varint(t, 2, kind), 8, []byte(name)), 9, raw)
	m.initializers = field(m.initializers, 5, t)
}

// node adds an operation. Its attributes are lists of whole numbers.
func (m *model) node(op, output string, attributes map[string][]int, inputs ...string) {
	var n []byte
	for _, in := range inputs {
		n = field(n, 1, []byte(in))
	}
	n = field(field(field(n, 2, []byte(output)), 3, []byte("make "+output)), 4, []byte(op))
	for name, values := range attributes {
		a := varint(field(nil, 1, []byte(name)), 20, 7) // INTS
		for _, v := range values {
			a = varint(a, 8, v)
		}
		n = field(n, 5, a)
	}
	m.nodes = field(m.nodes, 1, n)
}

// conv adds a convolution of blocks of k by k pixels, from three channels to n, with weights of the given reach for each of n.
func (m *model) conv(output string, k, n int, bias []float32, reach ...float32) {
	m.weights(output+"_w", reach, n, 3, k, k)
	m.numbers(output+"_b", bias, n)
	m.node("Conv", output, map[string][]int{"kernel_shape": {k, k}, "strides": {k, k}}, "picture", output+"_w", output+"_b")
}

func (m *model) output(name string, dims ...int) { m.outputs = field(m.outputs, 12, value(name, dims)) }

func value(name string, dims []int) []byte {
	var shape []byte
	for _, d := range dims {
		shape = field(shape, 1, varint(nil, 1, d))
	}
	tensor := field(varint(nil, 1, 1), 2, shape)
	return field(field(nil, 1, []byte(name)), 2, field(nil, 1, tensor))
}

// bytes is the file of a network that takes a picture of size by size.
func (m *model) bytes(size int) []byte {
	graph := field(m.nodes, 2, []byte("graph"))
	graph = append(graph, m.initializers...)
	graph = append(field(graph, 11, value("picture", []int{1, 3, size, size})), m.outputs...)
	opset := varint(field(nil, 1, nil), 2, 13)
	return field(field(varint(nil, 1, 8), 7, graph), 8, opset)
}

// zeros but for what is set by index.
func bias(n int, set map[int]float32) []float32 {
	b := make([]float32, n)
	for i, v := range set {
		b[i] = v
	}
	return b
}

func classifierModel() []byte {
	m := &model{seed: 1}
	m.conv("blocks", 8, 6, bias(6, nil), 0.1)
	m.node("GlobalAveragePool", "mean", nil, "blocks")
	m.node("Flatten", "scores", nil, "mean")
	m.output("scores", 1, 6)
	return m.bytes(32)
}

// objectModel answers 64 boxes for a picture of size by size.
func objectModel(last string, size int) []byte {
	m := &model{seed: 2}
	n := map[string]int{"yolov8": 7, "yolov5": 8, "ssd": 7}[last]
	middle := map[int]float32{0: 30, 1: 30, 2: 20, 3: 16, 4: 0.7, 5: 0.5, 6: 0.3}
	reach := []float32{2, 2, 0.3, 0.3, 0.05}
	if last == "ssd" { // picture, class, score, corners
		middle, reach = map[int]float32{1: 1.5, 2: 0.5, 3: 0.2, 4: 0.3, 5: 0.6, 6: 0.7}, []float32{0, 0.05, 0.02}
	}
	m.conv("blocks", size/8, n, bias(n, middle), reach...)
	m.shape("flat", 1, n, 64)
	m.node("Reshape", "boxes", nil, "blocks", "flat")
	switch last {
	case "yolov8":
		m.output("boxes", 1, n, 64)
	case "yolov5":
		m.node("Transpose", "rows", map[string][]int{"perm": {0, 2, 1}}, "boxes")
		m.output("rows", 1, 64, n)
	case "ssd":
		m.node("Transpose", "rows", map[string][]int{"perm": {0, 2, 1}}, "boxes")
		m.shape("deep", 1, 1, 64, n)
		m.node("Reshape", "answer", nil, "rows", "deep")
		m.output("answer", 1, 1, 64, n)
	}
	return m.bytes(size)
}

func segmentModel(classes int) []byte {
	m := &model{seed: 3}
	m.conv("classes", 4, classes, bias(classes, nil), 0.1)
	m.output("classes", 1, classes, 16, 16)
	return m.bytes(64)
}

// yunetModel has YuNet's outputs: a face is where a block is bright.
func yunetModel() []byte {
	m := &model{}
	for _, k := range []int{8, 16, 32} {
		for name, n := range map[string]int{"cls": 1, "obj": 1, "bbox": 4, "kps": 10} {
			output := fmt.Sprintf("%s_%d", name, k)
			each := float32(0)
			if n == 1 {
				each = 1 / float32(255*3*k*k)
			}
			w := make([]float32, n*3*k*k)
			for i := range w {
				w[i] = each
			}
			m.numbers(output+"_w", w, n, 3, k, k)
			m.numbers(output+"_b", bias(n, map[int]float32{n - 1: 0.1}), n)
			m.node("Conv", output, map[string][]int{"kernel_shape": {k, k}, "strides": {k, k}}, "picture", output+"_w", output+"_b")
			m.output(output, 1, n, 320/k, 320/k)
		}
	}
	return m.bytes(320)
}
