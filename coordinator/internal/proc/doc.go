// Package proc is one worker process, from exec to obituary. It is the only place that starts processes, sends signals, and
// talks to go-plugin.
//
// go-plugin is attached to a process that was started here, as its handshake line tells how: we keep the streams, the process
// group, the connection and the end of the process in our hands (hashicorp/go-plugin#119, #136, #167, #210, #323 tell why). The
// connection is a pair of sockets without a name: there is nothing to remove, and nobody else can connect.
//
// Nothing here trusts the worker: what it prints is kept in a bounded buffer and never interpreted, messages are bounded in
// size, and no call to it lacks a deadline or a way to end it by a kill.
package proc
