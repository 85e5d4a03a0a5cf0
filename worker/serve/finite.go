package serve

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
)

// encodeFinite is json.Marshal, but a NaN and an infinity, which JSON cannot express, become null instead of an error: they are
// what was found, and the numbers beside them are as good as ever.
//
// Only what has one is taken apart. Of the tags it knows the name, omitempty and "-".
func encodeFinite(v any) (json.RawMessage, error) {
	data, err := json.Marshal(v)
	if !isNotFinite(err) {
		return data, err
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Float32, reflect.Float64:
		return json.RawMessage("null"), nil
	case reflect.Pointer:
		return encodeFinite(r.Elem().Interface())
	case reflect.Slice, reflect.Array:
		return encodeList(r)
	case reflect.Map:
		return encodeMap(r)
	case reflect.Struct:
		fields, err := encodeFields(r)
		return object(fields), err
	default:
		return nil, err
	}
}

func isNotFinite(err error) bool {
	var unsupported *json.UnsupportedValueError
	if !errors.As(err, &unsupported) {
		return false
	}
	kind := unsupported.Value.Kind() // other than a float's, it is a cycle
	return kind == reflect.Float32 || kind == reflect.Float64
}

func encodeList(list reflect.Value) (json.RawMessage, error) {
	items := make([][]byte, list.Len())
	for i := range items {
		item, err := encodeFinite(list.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return slices.Concat([]byte("["), bytes.Join(items, []byte(",")), []byte("]")), nil
}

// encodeMap has json.Marshal write the keys, which sorts them.
func encodeMap(m reflect.Value) (json.RawMessage, error) {
	values := reflect.MakeMap(reflect.MapOf(m.Type().Key(), reflect.TypeFor[json.RawMessage]()))
	for key, v := range m.Seq2() {
		value, err := encodeFinite(v.Interface())
		if err != nil {
			return nil, err
		}
		values.SetMapIndex(key, reflect.ValueOf(value))
	}
	return json.Marshal(values.Interface())
}

// encodeFields returns the fields as they stand in an object; those of an embedded struct among them.
func encodeFields(s reflect.Value) ([][]byte, error) {
	var fields [][]byte
	for i := range s.NumField() {
		f, v := s.Type().Field(i), s.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			inner, err := encodeFields(v)
			if err != nil {
				return nil, err
			}
			fields = append(fields, inner...)
		case !f.IsExported(), name == "-", options == "omitempty" && isEmpty(v):
		default:
			value, err := encodeFinite(v.Interface())
			if err != nil {
				return nil, err
			}
			key, err := json.Marshal(cmp.Or(name, f.Name))
			if err != nil {
				return nil, err
			}
			fields = append(fields, slices.Concat(key, []byte(":"), value))
		}
	}
	return fields, nil
}

// isEmpty is what omitempty leaves out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}

func object(fields [][]byte) json.RawMessage {
	return slices.Concat([]byte("{"), bytes.Join(fields, []byte(",")), []byte("}"))
}
