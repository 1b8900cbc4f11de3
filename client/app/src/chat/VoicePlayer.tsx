import type { File as SentFile } from "@chatserver/client";
import { Pause, Play } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";

import { timeOf } from "../lib/files.js";
import { useLink } from "../lib/links.js";
import { notify } from "../lib/notices.js";
import styles from "./VoicePlayer.module.css";

/** How far an arrow leads, in ms. */
const STEP = 2_000;
const BARS = 40;
/** Where nobody has said how loud it is. */
const FLAT = Array.from({ length: BARS }, () => 80);

/** The one that plays: another one stops it. */
let playing: HTMLAudioElement | null = null;

function bars(waveform: readonly number[] | null): readonly number[] {
  if (!waveform?.length) return FLAT;
  const count = Math.min(BARS, waveform.length);
  const step = waveform.length / count;
  return Array.from({ length: count }, (_, index) =>
    Math.max(...waveform.slice(Math.floor(index * step), Math.ceil((index + 1) * step))),
  );
}

/** Plays a voice message. Its waveform leads to where it is pressed. */
export function VoicePlayer({ file }: { file: SentFile }) {
  const duration = file.duration ?? 0;
  const audio = useRef<HTMLAudioElement>(null);
  const [isWanted, setWanted] = useState(false);
  const [isPlaying, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [link, renew] = useLink(file.id, isWanted);
  const from = useRef(0);

  // Once there is an address; another one goes on where the last one failed.
  useEffect(() => {
    const element = audio.current;
    if (!element || !link) return;
    element.src = link.url;
    element.currentTime = from.current / 1_000;
    play(element);
  }, [link]);

  function play(element: HTMLAudioElement) {
    if (playing !== element) playing?.pause();
    playing = element;
    // Refused where it was stopped meanwhile.
    element.play().catch(() => undefined);
  }

  function toggle() {
    const element = audio.current;
    if (!element) return;
    if (!link) setWanted(true);
    else if (element.paused) play(element);
    else element.pause();
  }

  function seek(to: number) {
    const ms = Math.min(duration, Math.max(0, to));
    from.current = ms;
    setAt(ms);
    if (audio.current?.src) audio.current.currentTime = ms / 1_000;
  }

  function onKey(event: KeyboardEvent) {
    const to = {
      ArrowLeft: at - STEP,
      ArrowDown: at - STEP,
      ArrowRight: at + STEP,
      ArrowUp: at + STEP,
      Home: 0,
      End: duration,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    seek(to);
  }

  const shown = bars(file.waveform);
  return (
    <div className={styles.player} role="group" aria-label="Voice message">
      <button
        type="button"
        className={styles.play}
        aria-label={isPlaying ? "Pause" : "Play voice message"}
        onClick={toggle}
      >
        {isPlaying ? <Pause /> : <Play />}
      </button>
      <div
        className={styles.bars}
        role="slider"
        tabIndex={0}
        aria-label="Position"
        aria-valuemin={0}
        aria-valuemax={Math.round(duration / 1_000)}
        aria-valuenow={Math.round(at / 1_000)}
        aria-valuetext={`${timeOf(at)} of ${timeOf(duration)}`}
        onKeyDown={onKey}
        onPointerDown={(event) => {
          const { left, width } = event.currentTarget.getBoundingClientRect();
          seek(((event.clientX - left) / width) * duration);
        }}
      >
        {shown.map((value, index) => (
          <i
            key={index}
            data-played={(index / shown.length) * duration < at || undefined}
            style={{ height: `${Math.max(10, (value / 255) * 100)}%` }}
          />
        ))}
      </div>
      <time className={styles.time}>{timeOf(at || duration)}</time>
      <audio
        ref={audio}
        preload="none"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onEnded={() => {
          setPlaying(false);
          seek(0);
        }}
        onTimeUpdate={({ currentTarget }) => {
          from.current = currentTarget.currentTime * 1_000;
          setAt(from.current);
        }}
        onError={() => {
          if (!renew()) notify("That voice message cannot be played.");
        }}
      />
    </div>
  );
}
