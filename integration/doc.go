// Package integration tests whole programs only, through the doors that a user has, and the rules of the tree itself: who may
// import what, and the habits that a machine can see. It has no code of its own and nothing imports it.
package integration
