package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (app App) runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run INPUT... -p PIPELINE -o OUTPUT",
		Short: "Run a pipeline over images, folders, videos, cameras and streams",
		Long: `Run a pipeline over every frame of the inputs, in parallel, and write the results in order.

INPUT is one or more of
  photo.jpg        an image file; what it is, its content tells, then its name
  photos/          a folder: the images in it, with -r also those further below; hidden files are passed over
  'photos/*.png'   a glob
  clip.mp4         a video file
  rtsp://… http://…  a stream, or a video on a server; the end of a stream that has no length counts as a failure, so --limit it
  camera:0         a camera
  -                JPEG, PNG, WebP, BMP, PNM, TIFF or GIF images one after the other on standard input

OUTPUT is one of
  out.mp4          a video: .mp4 .avi .mkv .mov .webm; frame rate and size of the source, images make 25 a second
  out/%06d.png     image files numbered from 000001; a frame that failed leaves a gap
  out/             image files under the inputs' names; a video's frames are called NAME-000001.png
  out.png          one image file, of one frame
  -                encoded images one after the other on standard output
  none, /dev/null  nothing

Where frames come encoded, decode is put in front of the pipeline; where image files go out, encode is put behind it. It writes
.jpg .png .webp .tiff .bmp, and refuses what a format cannot hold: alpha in a .jpg, floats in all but .tiff.
Outputs get their names only when they are complete, and existing files are kept unless --overwrite. Missing folders are made.

A frame whose worker dies is tried again. When it is the worker that writes the video, that is begun again too, or with --resume
gone on with behind its last segment; inputs that can be read only once end the run then. So does the want of workers that start.

The first Ctrl-C finishes what is in flight and completes the output; the second stops at once.
Both write the report.

With --resume, a run can be gone on with: after Ctrl-C, an error, a power cut or a kill -9 of the coordinator, the same command
finishes the rest, and the outputs are those of a run that nobody disturbed. What is done is not done again, and frames that
failed stay failed. A hidden folder beside the output (.NAME.cvfarm, or .cvfarm in an output folder) keeps a journal and, of a
video, segments of --segment frames, which are joined in the end without encoding them again: that needs twice the space for a
moment. It is removed when the outputs are complete; remove it yourself to begin anew. Inputs must be files, an .avi at most 2
GiB, and all that shapes the result the same as at first, the worker's OpenCV included; --workers, --timeout, --overwrite and the
like may differ.
Exit code: 0 all frames done, 1 some failed, 2 wrong usage, 130 interrupted.`,
		Example: `  coordinator run clip.mp4 -p 'gray | canny low=50 high=150' -o edges.mp4
  coordinator run photos/ -r -p 'resize dsize=640x0' -o small/
  coordinator run a.jpg b.png -p 'gray' -o out/%06d.png
  coordinator run clip.mp4 -p stats -o none --data means.jsonl
  coordinator run photos/ -p @edges.cvf -o edges/ --dry-run
  coordinator run films/*.mp4 -p 'median_blur ksize=5' -o long.mp4 --resume
  coordinator run rtsp://cam/stream --limit 100 -p gray -o clip.mkv --report report.json
  cat *.jpg | coordinator run - -p 'gray | encode ext=.png' -o - > all.png`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no input: name a file, a folder, a URL, camera:0, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.inputs = args
			o.fpsGiven = cmd.Flags().Changed("fps")
			return app.run(cmd.Context(), &o)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *runOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.pipeline, "pipeline", "p", "", pipelineUsage)
	f.StringVarP(&o.output, "output", "o", "", "where the results go: `FILE|PATTERN|FOLDER/|-|none`")
	f.BoolVarP(&o.recursive, "recursive", "r", false, "take the images of folders within folders too")
	f.StringVar(&o.data, "data", "", "write what ops found to `FILE.jsonl`, one object a line: index, input, step, op, value; - is standard output")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace outputs that exist; of a link, what it leads to")
	f.Float64Var(&o.fps, "fps", 0, "frame `RATE` of an output video (default: the source's, or 25 for images)")
	f.StringVar(&o.codec, "codec", "", "codec of an output video as `FOUR` characters (default: the container's usual one)")
	f.IntVar(&o.limit, "limit", 0, "end after `N` frames; 0 is no limit")
	f.IntVar(&o.workers, "workers", 0, "`N` jobs at a time; 0 is the CPU quota")
	f.IntVar(&o.spares, "spares", 1, "`N` more workers are kept ready to take over at once from those that end")
	f.StringVar(&o.isolation, "isolation", "process", "`MODE`: process: one job in each worker; thread: all in one worker process")
	f.IntVar(&o.threads, "threads", 1, "`N` OpenCV threads within one job")
	f.DurationVar(&o.timeout, "timeout", 0, "`TIME` that a frame may take in a worker before that is killed; 0 is the default of 30s")
	f.IntVar(&o.attempts, "attempts", 3, "a frame whose worker dies is tried `N` times in all; so is a video whose encoder dies")
	f.StringVar(&o.memory, "memory", "", "shared memory for frames: a `SIZE` such as 512M (default: a quarter of the machine's)")
	f.StringVar(&o.workerMemory, "worker-memory", "", "memory of its own that a worker may ask for: a `SIZE` such as 1G, at least 256M; what asks for more fails or ends its worker (default: no limit)")
	f.StringVar(&o.maxMemory, "max-memory", "", "replace a worker, when its frame is done, that has more than `SIZE` of memory of its own (default: never)")
	f.IntVar(&o.maxJobs, "max-jobs", 0, "replace a worker after `N` frames (default: never)")
	f.DurationVar(&o.maxAge, "max-age", 0, "replace a worker, when its frame is done, that is older than `TIME` (default: never)")
	f.DurationVar(&o.stallTimeout, "stall-timeout", 0, "`TIME` that a worker with a frame may show no sign of life, or not come to it, before it is killed, at least 200ms; 0 is the default of 5s")
	f.StringVar(&o.progress, "progress", "auto", "`MODE`: auto, plain, json or none; on standard error")
	f.BoolVar(&o.resume, "resume", false, "keep a journal, and go on where an earlier run of the same command ended")
	f.IntVar(&o.segment, "segment", defaultSegment, "with --resume, a video is kept every `N` frames")
	f.StringVar(&o.report, "report", "", "write counts, times and failures to `FILE.json`; - is standard output")
	o.named.addFlag(cmd)
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would run: inputs, steps with all their parameters and shapes, those of the first image or video, outputs; process nothing")
	addQuarantineFlag(cmd, &o.quarantine)
	addWorkerFlag(f, &o.worker)
	for flag, values := range map[string][]string{"isolation": isolations(), "progress": progressModes()} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// run is the command: check what was asked for, start the farm, let the frames flow, and say how it went.
func (app App) run(ctx context.Context, o *runOptions) error {
	job, err := o.resolve(app)
	if err != nil {
		return err
	}
	defer job.abandonReport()
	defer job.ledger.close()
	if err = job.run(ctx); o.dryRun || ExitCode(err) == exitUsage { // nothing to tell of a run that was not, or was refused
		return err
	}
	return job.finish(err)
}
