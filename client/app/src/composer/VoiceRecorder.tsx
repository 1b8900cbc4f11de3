import { Check, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { timeOf } from "../lib/files.js";
import { useEvent } from "../lib/hooks.js";
import { IconButton } from "../ui/Button.js";
import styles from "./VoiceRecorder.module.css";

/** A voice message is no longer than this, and its waveform has at most so many values. */
const LONGEST = 15 * 60_000;
const VALUES = 100;
/** How often it is listened to how loud it is, in ms, and how much of that is shown. */
const EVERY = 80;
const SHOWN = 48;
const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

export interface Recorded {
  readonly file: Blob;
  readonly name: string;
  readonly duration: number;
  readonly waveform: number[];
}

/** As many values as a waveform may have: the loudest of each part. */
function condensed(values: readonly number[]): number[] {
  const count = Math.min(VALUES, Math.max(1, values.length));
  const step = values.length / count;
  const loudest = Array.from({ length: count }, (_, index) =>
    Math.max(0, ...values.slice(Math.floor(index * step), Math.floor((index + 1) * step) || 1)),
  );
  const most = Math.max(1, ...loudest);
  return loudest.map((value) => Math.round((value / most) * 255));
}

/** Records what is said from the moment it is shown on, until it is given or taken back. */
export default function VoiceRecorder({
  onRecorded,
  onCancel,
}: {
  onRecorded: (recorded: Recorded) => void;
  /** `why`: it could not begin. */
  onCancel: (why?: string) => void;
}) {
  const [values, setValues] = useState<readonly number[]>([]);
  const [length, setLength] = useState(0);
  const recorder = useRef<MediaRecorder | null>(null);
  const given = useEvent(onRecorded);
  const cancelled = useEvent(onCancel);

  useEffect(() => {
    const ended = new AbortController();
    void record(ended.signal);
    return () => ended.abort();

    async function record(signal: AbortSignal): Promise<void> {
      let stream: MediaStream;
      try {
        stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      } catch {
        if (!signal.aborted) cancelled("The microphone may not be used.");
        return;
      }
      const release = () => {
        for (const track of stream.getTracks()) track.stop();
      };
      if (signal.aborted) {
        release();
        return;
      }
      const context = new AudioContext();
      const analyser = context.createAnalyser();
      analyser.fftSize = 1_024;
      context.createMediaStreamSource(stream).connect(analyser);
      const samples = new Uint8Array(analyser.fftSize);
      const heard: number[] = [];
      const pieces: Blob[] = [];
      const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
      const recording = new MediaRecorder(stream, mimeType === undefined ? {} : { mimeType });
      recorder.current = recording;
      const begun = performance.now();
      const timer = setInterval(() => {
        analyser.getByteTimeDomainData(samples);
        heard.push(samples.reduce((most, one) => Math.max(most, Math.abs(one - 128)), 0));
        const now = performance.now() - begun;
        setLength(now);
        setValues(heard.slice(-SHOWN));
        if (now >= LONGEST) recording.stop();
      }, EVERY);
      const over = () => {
        clearInterval(timer);
        release();
        void context.close();
      };
      recording.ondataavailable = ({ data }) => pieces.push(data);
      recording.onstop = () => {
        const duration = Math.min(LONGEST, Math.max(1, Math.round(performance.now() - begun)));
        over();
        if (signal.aborted) return;
        const type = (recording.mimeType || "audio/webm").split(";")[0] ?? "audio/webm";
        const name = `voice.${type.slice(type.indexOf("/") + 1)}`;
        const file = new Blob(pieces, { type });
        given({ file, name, duration, waveform: condensed(heard) });
      };
      signal.addEventListener("abort", () => {
        if (recording.state !== "inactive") recording.stop();
      });
      recording.start();
    }
  }, [given, cancelled]);

  return (
    <div className={styles.recorder} role="group" aria-label="Recording">
      <IconButton label="Cancel recording" onClick={() => onCancel()}>
        <X />
      </IconButton>
      <i className={styles.light} />
      <time className={styles.time}>{timeOf(length)}</time>
      <span className={styles.bars} aria-hidden="true">
        {values.map((value, index) => (
          <i key={index} style={{ height: `${Math.max(8, Math.min(100, value * 1.6))}%` }} />
        ))}
      </span>
      <IconButton
        label="Stop recording"
        className={styles.done ?? ""}
        disabled={length === 0}
        onClick={() => recorder.current?.stop()}
      >
        <Check />
      </IconButton>
    </div>
  );
}
