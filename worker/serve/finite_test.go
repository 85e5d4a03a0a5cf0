package serve

import (
	"math"
	"strings"
	"testing"
)

type label struct {
	Class int     `json:"class"`
	Score float64 `json:"score"`
}

type finding struct {
	label
	Box    [2]float32         `json:"box"`
	Means  []float64          `json:"means"`
	None   []float64          `json:"none"`
	Error  *float64           `json:"error,omitempty"`
	Extra  *float64           `json:"extra,omitempty"`
	Little int                `json:"little,omitempty"`
	By     map[string]float64 `json:"by"`
	Any    any                `json:"any"`
	Secret float64            `json:"-"`
	Plain  string
	own    float64
}

// `sqrt` of a negative number is NaN, and a frame in which `stats` met one failed as a whole, the picture included.
func TestDataThatIsNotFiniteIsNull(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	found := finding{label: label{1, nan}, Box: [2]float32{float32(inf), 0.1}, Means: []float64{nan, 1, -inf}, Error: &inf,
		By: map[string]float64{"b": 2, "a": nan}, Any: []any{nan, "<", nil}, Secret: nan, Plain: "é", own: nan}
	cases := []struct {
		name string
		v    any
		want string
	}{
		{"a number", inf, "null"},
		{"a list", []float32{1, float32(nan)}, "[1,null]"},
		{"lists of lists", [][2]float64{{1, 2}, {nan, 0.25}}, "[[1,2],[null,0.25]]"},
		{"all of a struct stays where it was", &found, `{"class":1,"score":null,"box":[null,0.1],"means":[null,1,null],"none":null,` +
			`"error":null,"by":{"a":null,"b":2},"any":[null,"\u003c",null],"Plain":"é"}`},
		{"what is finite is untouched", label{1, 0.5}, `{"class":1,"score":0.5}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out Output
			if err := out.Value("op", c.v); err != nil || string(out.values[0].JSON) != c.want {
				t.Fatalf("%v, %v, want %s", err, out.values, c.want)
			}
		})
	}
}

// The step and the op are named by whoever runs it.
func TestDataThatIsNoJSONSaysSoWithoutTheOp(t *testing.T) {
	for _, v := range []any{make(chan int), []any{math.NaN(), func() {}}} {
		err := new(Output).Value("op", v)
		if err == nil || !strings.HasPrefix(err.Error(), "cannot express what it found: ") {
			t.Errorf("%T: %v", v, err)
		}
	}
}
