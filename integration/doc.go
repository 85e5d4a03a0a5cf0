// Package integration tests whole programs only, through the doors that a user has, and the rules of the tree itself: who may
// import what, and the habits that a machine can see. Nothing imports it.
package integration
